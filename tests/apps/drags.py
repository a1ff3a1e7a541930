"""A list to drag from and a basket to drop on: what was dropped is in a file, one line each.

drags.py KIND FILE, where KIND is gtk3, gtk4, pyqt5 or pyqt6.
"""

import sys
from pathlib import Path

FRUITS = ("Apple", "Pear")


class Kept:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped: list[str] = []
        self.keep()

    def drop(self, name: str) -> None:
        self.dropped.append(name)
        self.keep()

    def keep(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text("\n".join(self.dropped), encoding="utf-8")
        new.rename(self.path)


def gtk3(kept: Kept) -> None:
    import gi

    gi.require_version("Gdk", "3.0")
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gdk, Gtk

    model = Gtk.ListStore(str)
    for fruit in FRUITS:
        model.append([fruit])
    view = Gtk.TreeView(model=model, headers_visible=False)
    view.append_column(Gtk.TreeViewColumn("Fruit", Gtk.CellRendererText(), text=0))
    view.enable_model_drag_source(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
    view.drag_source_add_text_targets()

    def give(_view, _context, data, _info, _time) -> None:
        chosen, row = view.get_selection().get_selected()
        data.set_text(chosen[row][0], -1)

    view.connect("drag-data-get", give)
    basket = Gtk.Button(label="Basket")
    basket.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
    basket.drag_dest_add_text_targets()
    basket.connect("drag-data-received", lambda *told: kept.drop(told[4].get_text()))
    window, box = Gtk.Window(title="drags gtk3"), Gtk.HBox(homogeneous=True)
    box.add(view)
    box.add(basket)
    window.add(box)
    window.set_default_size(300, 200)
    window.show_all()
    Gtk.main()


def gtk4(kept: Kept) -> None:
    import gi

    gi.require_version("Gdk", "4.0")
    gi.require_version("Gtk", "4.0")
    from gi.repository import Gdk, GLib, GObject, Gtk

    window = Gtk.Window(title="drags gtk4")
    box, rows = Gtk.Box(homogeneous=True), Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
    for fruit in FRUITS:
        row = Gtk.Label(label=fruit, height_request=30)
        source = Gtk.DragSource(actions=Gdk.DragAction.COPY)
        given = Gdk.ContentProvider.new_for_value(GObject.Value(str, fruit))
        source.connect("prepare", lambda *_, given=given: given)
        row.add_controller(source)
        rows.append(row)
    basket = Gtk.Button(label="Basket")
    target = Gtk.DropTarget.new(str, Gdk.DragAction.COPY)
    target.connect("drop", lambda _target, value, _x, _y: (kept.drop(value), True)[1])
    basket.add_controller(target)
    box.append(rows)
    box.append(basket)
    window.set_child(box)
    window.set_default_size(300, 200)
    window.present()
    GLib.MainLoop().run()


def qt(kept: Kept, version: str) -> None:
    import importlib

    core = importlib.import_module(f"PyQt{version}.QtCore")
    widgets = importlib.import_module(f"PyQt{version}.QtWidgets")

    class Fruits(widgets.QListWidget):
        def mimeData(self, items) -> object:
            told = core.QMimeData()
            told.setText(items[0].text())
            return told

        def supportedDropActions(self) -> object:
            return core.Qt.DropAction.CopyAction

    class Basket(widgets.QPushButton):
        def dragEnterEvent(self, event) -> None:
            if event.mimeData().hasText():
                event.acceptProposedAction()

        def dropEvent(self, event) -> None:
            kept.drop(event.mimeData().text())
            event.acceptProposedAction()

    app = widgets.QApplication([])
    window = widgets.QWidget(windowTitle=f"drags pyqt{version}")
    row, fruits, basket = widgets.QHBoxLayout(window), Fruits(), Basket("Basket")
    fruits.addItems(FRUITS)
    fruits.setDragEnabled(True)
    basket.setAcceptDrops(True)
    basket.setSizePolicy(widgets.QSizePolicy.Policy.Preferred, widgets.QSizePolicy.Policy.Expanding)
    row.addWidget(fruits)
    row.addWidget(basket)
    window.resize(300, 200)
    window.show()
    (app.exec if version == "6" else app.exec_)()


if __name__ == "__main__":
    kind, file = sys.argv[1:3]
    kept = Kept(Path(file))
    qt(kept, kind[-1]) if kind.startswith("pyqt") else globals()[kind](kept)
