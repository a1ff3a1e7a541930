"""A window with menus of two levels: what was chosen is in a file, one line each.

menus.py KIND FILE, where KIND is gtk3, qt5 or qt6. In the window stand a field and a password; what
is in them comes after the choices.
"""

import sys
from pathlib import Path

CHOICES = ("About", "Quit")
FORMATS = ("Text", "Picture")


class Kept:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.chosen: list[str] = []
        self.fields: dict[str, str] = {}
        self.keep()

    def choose(self, name: str) -> None:
        self.chosen.append(name)
        self.keep()

    def hold(self, name: str, text: str) -> None:
        self.fields[name] = text
        self.keep()

    def keep(self) -> None:
        new = self.path.with_suffix(".new")
        lines = [*self.chosen, *(f"{name}={text}" for name, text in self.fields.items())]
        new.write_text("\n".join(lines), encoding="utf-8")
        new.rename(self.path)


def gtk3(kept: Kept) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    def item(menu: object, name: str) -> object:
        made = Gtk.MenuItem(label=name)
        made.connect("activate", lambda _: kept.choose(name))
        menu.append(made)
        return made

    def opened(menu: object, name: str) -> object:
        made, below = Gtk.MenuItem(label=name), Gtk.Menu()
        made.set_submenu(below)
        menu.append(made)
        return below

    window, box = Gtk.Window(title="menus gtk3"), Gtk.VBox()
    bar = Gtk.MenuBar()
    file = opened(bar, "File")
    save = opened(file, "Save As")
    for name in FORMATS:
        item(save, name)
    for name in CHOICES:
        item(file, name)
    box.add(bar)
    for name in ("Name", "Password"):
        label, entry = Gtk.Label(label=name), Gtk.Entry(visibility=name == "Name")
        label.set_mnemonic_widget(entry)
        entry.connect("changed", lambda one, name=name: kept.hold(name, one.get_text()))
        box.add(label)
        box.add(entry)
    pay = Gtk.Button(label="Pay now")
    pay.connect("clicked", lambda _: kept.choose("Pay now"))
    box.add(pay)
    window.add(box)
    window.set_default_size(400, 300)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    Gtk.main()


def qt(kept: Kept, version: str) -> None:
    if version == "qt5":
        from PyQt5 import QtWidgets
    else:
        from PyQt6 import QtWidgets
    app = QtWidgets.QApplication(sys.argv[:1])
    window, middle = QtWidgets.QMainWindow(), QtWidgets.QWidget()
    file = window.menuBar().addMenu("&File")
    save = file.addMenu("Save &As")
    for menu, names in ((save, FORMATS), (file, CHOICES)):
        for name in names:
            menu.addAction(name).triggered.connect(lambda _=False, name=name: kept.choose(name))
    form = QtWidgets.QFormLayout(middle)
    for name in ("Name", "Password"):
        entry = QtWidgets.QLineEdit()
        if name == "Password":
            entry.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        entry.textChanged.connect(lambda text, name=name: kept.hold(name, text))
        form.addRow(name, entry)
    pay = QtWidgets.QPushButton("Pay now")
    pay.clicked.connect(lambda: kept.choose("Pay now"))
    form.addRow(pay)
    window.setCentralWidget(middle)
    window.setWindowTitle(f"menus {version}")
    window.resize(400, 300)
    window.show()
    app.exec()


if __name__ == "__main__":
    kind, kept = sys.argv[1], Kept(Path(sys.argv[2]))
    gtk3(kept) if kind == "gtk3" else qt(kept, kind)
