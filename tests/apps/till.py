"""A window that sells: what was pressed, typed and sent is in a file, as JSON, a moment after.

till.py KIND FILE, where KIND is gtk3, gtk4, qt (PySide), pyqt6, pyqt5 (of the system) or game,
which shows what no program tells of and counts the keys it got.
"""

import json
import sys
from pathlib import Path

# Of its menu, with the shortcuts of each as GTK and Qt write them.
ITEMS = (
    ("Open", "<Primary>o", "Ctrl+O"),
    ("Pay now", "<Primary><Shift>y", "Ctrl+Shift+Y"),
    ("Delete all", "Delete", "Del"),
    ("Erase disk", "F8", "F8"),
)
STATE = {"pressed": [], "password": "", "note": "", "keys": 0}


class State:
    """What was done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = json.loads(json.dumps(STATE))
        self.keep()

    def pressed(self, what: str) -> None:
        self.now["pressed"].append(what)
        self.keep()

    def set(self, name: str, value: object) -> None:
        self.now[name] = value
        self.keep()

    def keep(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.now, ensure_ascii=False), encoding="utf-8")
        new.rename(self.path)


def gtk3(state: State) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    window = Gtk.Window(title="till")
    window.set_default_size(500, 300)
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, margin=12)
    window.add(box)
    bar = Gtk.MenuBar()
    file = Gtk.MenuItem(label="File")
    menu, keys = Gtk.Menu(), Gtk.AccelGroup()
    window.add_accel_group(keys)
    for name, shortcut, _ in ITEMS:
        item = Gtk.MenuItem.new_with_mnemonic(f"_{name}")
        flags = Gtk.AccelFlags.VISIBLE
        item.add_accelerator("activate", keys, *Gtk.accelerator_parse(shortcut), flags)
        item.connect("activate", lambda _, name: state.pressed(f"menu {name}"), name)
        menu.append(item)
    file.set_submenu(menu)
    bar.append(file)
    box.add(bar)
    for name in ("Note", "Password"):
        entry = Gtk.Entry(visibility=name == "Note", activates_default=True, placeholder_text=name)
        entry.get_accessible().set_name(name)
        entry.connect("changed", lambda it, key: state.set(key, it.get_text()), name.lower())
        box.add(entry)
    for name in ("Help me", "Pay now"):
        button = Gtk.Button(label=name, can_default=True)
        button.connect("clicked", lambda it: state.pressed(it.get_label()))
        box.add(button)
    window.set_default(button)
    for name in ("Delete me", "Keep it"):
        other = Gtk.Button.new_with_mnemonic(f"_{name}")
        other.connect("clicked", lambda it, name: state.pressed(name), name)
        box.add(other)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    Gtk.main()


def gtk4(state: State) -> None:
    import gi

    gi.require_version("Gtk", "4.0")
    from gi.repository import Gio, Gtk

    app = Gtk.Application()

    def started(app: object) -> None:
        window = Gtk.ApplicationWindow(application=app, title="till")
        window.set_default_size(500, 300)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8)
        window.set_child(box)
        menu = Gio.Menu()
        for key, name in (("open", "Open"), ("pay", "Pay now")):
            act = Gio.SimpleAction(name=key)
            act.connect("activate", lambda *_, name=name: state.pressed(f"menu {name}"))
            app.add_action(act)
            menu.append(name, f"app.{key}")
        box.append(Gtk.MenuButton(label="File", menu_model=menu))
        for name in ("Note", "Password"):
            entry = Gtk.Entry() if name == "Note" else Gtk.PasswordEntry()
            entry.set_property("activates-default", True)
            entry.update_property([Gtk.AccessibleProperty.LABEL], [name])
            entry.connect("changed", lambda it, key: state.set(key, it.get_text()), name.lower())
            box.append(entry)
        for name in ("Help me", "Pay now"):
            button = Gtk.Button(label=name)
            button.connect("clicked", lambda it: state.pressed(it.get_label()))
            box.append(button)
        window.set_default_widget(button)
        for name in ("Delete me", "Keep it"):
            other = Gtk.Button.new_with_mnemonic(f"_{name}")
            other.connect("clicked", lambda it, name: state.pressed(name), name)
            box.append(other)
        window.present()

    app.connect("activate", started)
    app.run()


def qt(state: State, binding: str) -> None:
    import importlib

    widgets = importlib.import_module(f"{binding}.QtWidgets")
    app = widgets.QApplication(sys.argv[:1])
    window = widgets.QDialog()
    window.setWindowTitle("till")
    window.resize(500, 300)
    rows = widgets.QVBoxLayout(window)
    bar = widgets.QMenuBar()
    menu = bar.addMenu("File")
    for name, _, shortcut in ITEMS:
        action = menu.addAction(f"&{name}")
        action.setShortcut(shortcut)
        action.triggered.connect(lambda *_, it=name: state.pressed(f"menu {it}"))
    rows.setMenuBar(bar)
    for name in ("Note", "Password"):
        entry = widgets.QLineEdit()
        entry.setAccessibleName(name)
        if name == "Password":
            entry.setEchoMode(widgets.QLineEdit.EchoMode.Password)
        entry.textChanged.connect(lambda text, name=name: state.set(name.lower(), text))
        rows.addWidget(entry)
    for name in ("Help me", "Pay now"):
        button = widgets.QPushButton(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda *_, it=name: state.pressed(it))
        rows.addWidget(button)
    button.setDefault(True)
    for name in ("Delete me", "Keep it"):
        other = widgets.QPushButton(f"&{name}")
        other.setAutoDefault(False)
        other.clicked.connect(lambda *_, it=name: state.pressed(it))
        rows.addWidget(other)
    window.show()
    sys.exit(app.exec() if hasattr(app, "exec") else app.exec_())


def game(state: State) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    window = Gtk.Window(title="2048")
    window.set_default_size(400, 400)
    canvas = Gtk.DrawingArea(can_focus=True)
    window.add(canvas)
    window.connect("key-press-event", lambda *_: state.set("keys", state.now["keys"] + 1))
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    Gtk.main()


if __name__ == "__main__":
    kind, state = sys.argv[1], State(Path(sys.argv[2]))
    match kind:
        case "gtk3":
            gtk3(state)
        case "gtk4":
            gtk4(state)
        case "game":
            game(state)
        case _:
            qt(state, {"qt": "PySide6", "pyqt6": "PyQt6", "pyqt5": "PyQt5"}[kind])
