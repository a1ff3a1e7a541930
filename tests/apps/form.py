"""A window with one of each: what was done to it is in a file, as JSON, a moment after.

form.py KIND FILE, where KIND is gtk3, gtk4 or qt. The page of browsers is form.html; both have the
same names. `clicked` lists the tiles that were clicked, in order.
"""

import json
import sys
from pathlib import Path

TILES = 24
COLOURS = ["red", "green", "blue"]
STATE = {
    "name": "", "secret": "", "notes": "", "subscribed": False, "applied": 0, "volume": 30,
    "colour": "red", "clicked": [],
}  # fmt: skip


class State:
    """What was done; `set` and `click` keep it in the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = {**STATE}
        self.keep()

    def set(self, name: str, value: object) -> None:
        self.now[name] = value
        self.keep()

    def applied(self, *_: object) -> None:
        self.set("applied", self.now["applied"] + 1)

    def clicked(self, tile: str) -> None:
        self.set("clicked", [*self.now["clicked"], tile])

    def keep(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.now, ensure_ascii=False), encoding="utf-8")
        new.rename(self.path)


def gtk3(state: State) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    def labelled(text: str, widget: object) -> object:
        label = Gtk.Label(label=text, xalign=0)
        label.set_mnemonic_widget(widget)
        grid.attach(label, 0, row(), 1, 1)
        grid.attach(widget, 1, rows[0], 3, 1)
        return widget

    rows = [-1]

    def row() -> int:
        rows[0] += 1
        return rows[0]

    window = Gtk.Window(title="form")
    window.set_default_size(620, 440)
    grid = Gtk.Grid(row_spacing=4, column_spacing=8, margin=8)
    window.add(grid)
    name = labelled("Name", Gtk.Entry(hexpand=True))
    name.connect("changed", lambda it: state.set("name", it.get_text()))
    secret = labelled("Secret", Gtk.Entry(visibility=False))
    secret.set_input_purpose(Gtk.InputPurpose.PASSWORD)
    secret.connect("changed", lambda it: state.set("secret", it.get_text()))
    notes = labelled("Notes", Gtk.TextView(height_request=40))
    notes.get_accessible().set_name("Notes")
    text = notes.get_buffer()
    text.connect("changed", lambda it: state.set("notes", it.get_text(*it.get_bounds(), True)))
    check = Gtk.CheckButton(label="Subscribe")
    check.connect("toggled", lambda it: state.set("subscribed", it.get_active()))
    grid.attach(check, 0, row(), 2, 1)
    volume = labelled("Volume", Gtk.Scale.new_with_range(0, 0, 100, 1))
    volume.set_value(30)
    volume.connect("value-changed", lambda it: state.set("volume", it.get_value()))
    colour = labelled("Colour", Gtk.ComboBoxText())
    for one in COLOURS:
        colour.append_text(one)
    colour.set_active(0)
    colour.connect("changed", lambda it: state.set("colour", it.get_active_text()))
    apply = Gtk.Button(label="Apply")
    apply.connect("clicked", state.applied)
    grid.attach(apply, 0, row(), 1, 1)
    grid.attach(Gtk.Button(label="Locked", sensitive=False), 1, rows[0], 1, 1)
    flow = Gtk.FlowBox(max_children_per_line=8, min_children_per_line=8)
    for place in range(TILES):
        tile = Gtk.Button(label=f"Tile {place}")
        tile.connect("clicked", lambda _, label=f"Tile {place}": state.clicked(label))
        flow.add(tile)
    grid.attach(flow, 0, row(), 4, 1)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    name.grab_focus()
    Gtk.main()


def gtk4(state: State) -> None:
    import gi

    gi.require_version("Gtk", "4.0")
    from gi.repository import GLib, Gtk

    Gtk.init()
    window = Gtk.Window(title="form")
    window.set_default_size(620, 440)
    grid = Gtk.Grid(row_spacing=4, column_spacing=8)
    window.set_child(grid)
    rows = [-1]

    def row() -> int:
        rows[0] += 1
        return rows[0]

    def labelled(text: str, widget: object) -> object:
        label = Gtk.Label(label=text, xalign=0)
        label.set_mnemonic_widget(widget)
        grid.attach(label, 0, row(), 1, 1)
        grid.attach(widget, 1, rows[0], 3, 1)
        return widget

    name = labelled("Name", Gtk.Entry(hexpand=True))
    name.connect("changed", lambda it: state.set("name", it.get_text()))
    secret = labelled("Secret", Gtk.PasswordEntry())
    secret.connect("changed", lambda it: state.set("secret", it.get_text()))
    notes = labelled("Notes", Gtk.TextView(height_request=40))
    text = notes.get_buffer()
    text.connect("changed", lambda it: state.set("notes", it.get_text(*it.get_bounds(), True)))
    check = Gtk.CheckButton(label="Subscribe")
    check.connect("toggled", lambda it: state.set("subscribed", it.get_active()))
    grid.attach(check, 0, row(), 2, 1)
    volume = labelled("Volume", Gtk.Scale.new_with_range(0, 0, 100, 1))
    volume.set_value(30)
    volume.connect("value-changed", lambda it: state.set("volume", it.get_value()))
    colour = labelled("Colour", Gtk.DropDown.new_from_strings(COLOURS))
    colour.connect(
        "notify::selected", lambda it, _: state.set("colour", COLOURS[it.get_selected()])
    )
    apply = Gtk.Button(label="Apply")
    apply.connect("clicked", state.applied)
    grid.attach(apply, 0, row(), 1, 1)
    locked = Gtk.Button(label="Locked")
    locked.set_sensitive(False)
    grid.attach(locked, 1, rows[0], 1, 1)
    flow = Gtk.FlowBox(max_children_per_line=8, min_children_per_line=8)
    for place in range(TILES):
        tile = Gtk.Button(label=f"Tile {place}")
        tile.connect("clicked", lambda _, label=f"Tile {place}": state.clicked(label))
        flow.append(tile)
    grid.attach(flow, 0, row(), 4, 1)
    window.present()
    name.grab_focus()
    GLib.MainLoop().run()


def qt(state: State) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import (
        QApplication,
        QCheckBox,
        QComboBox,
        QFormLayout,
        QGridLayout,
        QLineEdit,
        QPlainTextEdit,
        QPushButton,
        QSlider,
        QWidget,
    )

    app = QApplication([])
    window = QWidget(windowTitle="form")
    window.resize(620, 440)
    layout = QFormLayout(window)

    def labelled(text: str, widget: object) -> object:
        widget.setAccessibleName(text)
        layout.addRow(text, widget)
        return widget

    name = labelled("Name", QLineEdit())
    name.textChanged.connect(lambda text: state.set("name", text))
    secret = labelled("Secret", QLineEdit(echoMode=QLineEdit.EchoMode.Password))
    secret.textChanged.connect(lambda text: state.set("secret", text))
    notes = labelled("Notes", QPlainTextEdit(maximumHeight=50))
    notes.textChanged.connect(lambda: state.set("notes", notes.toPlainText()))
    check = QCheckBox("Subscribe")
    check.toggled.connect(lambda on: state.set("subscribed", on))
    layout.addRow(check)
    volume = labelled("Volume", QSlider(Qt.Orientation.Horizontal, maximum=100, value=30))
    volume.valueChanged.connect(lambda value: state.set("volume", value))
    colour = labelled("Colour", QComboBox())
    colour.addItems(COLOURS)
    colour.currentTextChanged.connect(lambda text: state.set("colour", text))
    apply = QPushButton("Apply")
    apply.clicked.connect(state.applied)
    locked = QPushButton("Locked", enabled=False)
    layout.addRow(apply, locked)
    grid = QGridLayout()
    for place in range(TILES):
        tile = QPushButton(f"Tile {place}")
        tile.clicked.connect(lambda _, label=f"Tile {place}": state.clicked(label))
        grid.addWidget(tile, place // 8, place % 8)
    layout.addRow(grid)
    window.show()
    name.setFocus()
    app.exec()


if __name__ == "__main__":
    {"gtk3": gtk3, "gtk4": gtk4, "qt": qt}[sys.argv[1]](State(Path(sys.argv[2])))
