"""Buttons in a scroll area in a scroll area, scrolled by half a button; which were pressed is kept.

scroll.py KIND FILE, where KIND is gtk3, gtk4, pyqt5 or pyqt6; the page of browsers is scroll.html.
The file has the names of what was pressed, in order, as JSON; it is there once all is scrolled.
"""

import importlib
import json
import sys
from pathlib import Path

ITEMS = 30


class Pressed:
    def __init__(self, path: Path) -> None:
        self.path, self.names = path, []

    def add(self, name: str) -> None:
        self.names.append(name)
        self.keep()

    def keep(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.names), encoding="utf-8")
        new.rename(self.path)


def gtk(version: str, pressed: Pressed) -> None:
    import gi

    gi.require_version("Gtk", version)
    from gi.repository import GLib, Gtk

    if version == "4.0":
        Gtk.init()
    window = Gtk.Window(title="scroll")
    window.set_default_size(420, 330)

    def box() -> object:
        return Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=0)

    def put(holder: object, child: object) -> None:
        if version == "4.0":
            (holder.append if hasattr(holder, "append") else holder.set_child)(child)
        else:
            holder.add(child)

    def button(name: str) -> object:
        made = Gtk.Button(label=name)
        made.connect("clicked", lambda _: pressed.add(name))
        return made

    def area(child: object, height: int) -> object:
        made = Gtk.ScrolledWindow()
        made.set_size_request(380, height)
        put(made, child)
        return made

    inner, middle, outer = box(), box(), box()
    for number in range(ITEMS):
        put(inner, button(f"Item {number}"))
    put(middle, button("Above"))
    inside = area(inner, 300)
    put(middle, inside)
    put(middle, button("Below"))
    around = area(middle, 200)
    put(outer, button("First"))
    put(outer, around)
    put(outer, button("Last"))
    put(window, outer)
    window.present() if version == "4.0" else window.show_all()

    def scroll() -> bool:
        inside.get_vadjustment().set_value(137)
        around.get_vadjustment().set_value(50)
        pressed.keep()
        return False

    GLib.timeout_add(500, scroll)
    GLib.MainLoop().run()


def qt(version: str, pressed: Pressed) -> None:
    widgets = importlib.import_module(f"PyQt{version}.QtWidgets")
    core = importlib.import_module(f"PyQt{version}.QtCore")
    app = widgets.QApplication([])

    def button(name: str) -> object:
        made = widgets.QPushButton(name)
        made.clicked.connect(lambda: pressed.add(name))
        return made

    def area(child: object, height: int) -> object:
        made = widgets.QScrollArea()
        made.setWidget(child)
        made.setWidgetResizable(True)
        made.setFixedHeight(height)
        return made

    def box(*children: object) -> object:
        made = widgets.QWidget()
        layout = widgets.QVBoxLayout(made)
        for child in children:
            layout.addWidget(child)
        return made

    inside = area(box(*(button(f"Item {number}") for number in range(ITEMS))), 300)
    around = area(box(button("Above"), inside, button("Below")), 200)
    window = box(button("First"), around, button("Last"))
    window.setWindowTitle("scroll")
    window.resize(420, 330)
    window.show()

    def scroll() -> None:
        inside.verticalScrollBar().setValue(137)
        around.verticalScrollBar().setValue(50)
        pressed.keep()

    core.QTimer.singleShot(500, scroll)
    (app.exec if version == "6" else app.exec_)()


if __name__ == "__main__":
    kind, kept = sys.argv[1], Pressed(Path(sys.argv[2]))
    gtk(f"{kind[3]}.0", kept) if kind.startswith("gtk") else qt(kind[-1], kept)
