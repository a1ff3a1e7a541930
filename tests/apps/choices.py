"""A window with a list of sixty choices and one of three: what is chosen is in a file, as JSON.

choices.py KIND FILE, where KIND is gtk3, gtk4, qt, pyqt6 or pyqt5. The page of browsers is
choices.html; both have the same names.
"""

import importlib
import json
import sys
from pathlib import Path

CITIES = [f"City {place}" for place in range(60)]
SIZES = ["small", "medium", "large"]
STATE = {"place": CITIES[0], "size": SIZES[1]}
BINDINGS = {"qt": "PySide6", "pyqt6": "PyQt6", "pyqt5": "PyQt5"}


def keep(path: Path, **now: str) -> None:
    STATE.update(now)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(STATE), encoding="utf-8")
    new.rename(path)


def gtk3(path: Path) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    window = Gtk.Window(title="choices")
    grid = Gtk.Grid(row_spacing=20, column_spacing=8, margin=20)
    window.add(grid)
    for row, (name, choices, chosen) in enumerate((("Place", CITIES, 0), ("Size", SIZES, 1))):
        combo = Gtk.ComboBoxText()
        for one in choices:
            combo.append_text(one)
        combo.set_active(chosen)
        combo.get_accessible().set_name(name)
        combo.connect(
            "changed", lambda it, key: keep(path, **{key: it.get_active_text()}), name.lower()
        )
        grid.attach(combo, 0, row, 1, 1)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    keep(path)
    Gtk.main()


def gtk4(path: Path) -> None:
    import gi

    gi.require_version("Gtk", "4.0")
    from gi.repository import GLib, Gtk

    Gtk.init()
    window = Gtk.Window(title="choices")
    grid = Gtk.Grid(row_spacing=20, column_spacing=8)
    window.set_child(grid)
    for row, (name, choices, chosen) in enumerate((("Place", CITIES, 0), ("Size", SIZES, 1))):
        drop = Gtk.DropDown.new_from_strings(choices)
        drop.set_selected(chosen)
        drop.update_property([Gtk.AccessibleProperty.LABEL], [name])

        def changed(it: object, _: object, name: str = name) -> None:
            keep(path, **{name.lower(): it.get_selected_item().get_string()})

        drop.connect("notify::selected", changed)
        grid.attach(drop, 0, row, 1, 1)
    loop = GLib.MainLoop()
    window.connect("close-request", lambda _: loop.quit())
    window.present()
    keep(path)
    loop.run()


def qt(path: Path, binding: str) -> None:
    widgets = importlib.import_module(f"{binding}.QtWidgets")
    app = widgets.QApplication([])
    window = widgets.QWidget()
    window.setWindowTitle("choices")
    form = widgets.QFormLayout(window)
    for name, choices, chosen in (("Place", CITIES, 0), ("Size", SIZES, 1)):
        combo = widgets.QComboBox()
        combo.addItems(choices)
        combo.setCurrentIndex(chosen)
        combo.setAccessibleName(name)
        combo.currentTextChanged.connect(lambda text, name=name: keep(path, **{name.lower(): text}))
        form.addRow(name, combo)
    window.resize(400, 200)
    window.show()
    keep(path)
    app.exec_() if binding == "PyQt5" else app.exec()


if __name__ == "__main__":
    kind, file = sys.argv[1], Path(sys.argv[2])
    match kind:
        case "gtk3":
            gtk3(file)
        case "gtk4":
            gtk4(file)
        case _:
            qt(file, BINDINGS[kind])
