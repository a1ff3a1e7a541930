"""Two buttons that ask for a file: what was chosen is in a file, `open PATH` or `save PATH`.

choosers.py KIND FILE, where KIND is gtk3, gtk4, pyqt5 or pyqt6.
"""

import sys
from pathlib import Path


def gtk3(keep) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    window, box = Gtk.Window(title="choosers gtk3"), Gtk.VBox()

    def ask(what) -> None:
        action = Gtk.FileChooserAction.OPEN if what == "open" else Gtk.FileChooserAction.SAVE
        chooser = Gtk.FileChooserDialog(title=f"Which to {what}", parent=window, action=action)
        chooser.add_buttons("Cancel", Gtk.ResponseType.CANCEL, "Choose", Gtk.ResponseType.OK)
        if chooser.run() == Gtk.ResponseType.OK:
            keep(f"{what} {chooser.get_filename()}")
        chooser.destroy()

    for what in ("open", "save"):
        button = Gtk.Button(label=f"Ask to {what}")
        button.connect("clicked", lambda _, what=what: ask(what))
        box.add(button)
    window.add(box)
    window.set_default_size(300, 100)
    window.show_all()
    keep("")
    Gtk.main()


def gtk4(keep) -> None:
    import gi

    gi.require_version("Gtk", "4.0")
    from gi.repository import GLib, Gtk

    window, box = Gtk.Window(title="choosers gtk4"), Gtk.Box()
    held = []

    def ask(what) -> None:
        action = Gtk.FileChooserAction.OPEN if what == "open" else Gtk.FileChooserAction.SAVE
        chooser = Gtk.FileChooserDialog(
            title=f"Which to {what}", transient_for=window, action=action
        )
        chooser.add_button("Cancel", Gtk.ResponseType.CANCEL)
        chooser.add_button("Choose", Gtk.ResponseType.OK)

        def answered(_, response) -> None:
            if response == Gtk.ResponseType.OK:
                keep(f"{what} {chooser.get_file().get_path()}")
            chooser.destroy()

        chooser.connect("response", answered)
        chooser.present()
        held.append(chooser)

    for what in ("open", "save"):
        button = Gtk.Button(label=f"Ask to {what}")
        button.connect("clicked", lambda _, what=what: ask(what))
        box.append(button)
    window.set_child(box)
    window.present()
    keep("")
    GLib.MainLoop().run()


def qt(keep, version) -> None:
    import importlib

    widgets = importlib.import_module(f"PyQt{version}.QtWidgets")
    app = widgets.QApplication([])
    window = widgets.QWidget(windowTitle=f"choosers pyqt{version}")
    row = widgets.QHBoxLayout(window)

    def ask(what) -> None:
        ask = widgets.QFileDialog.getOpenFileName
        if what == "save":
            ask = widgets.QFileDialog.getSaveFileName
        if chosen := ask(window, f"Which to {what}")[0]:
            keep(f"{what} {chosen}")

    for what in ("open", "save"):
        button = widgets.QPushButton(f"Ask to {what}")
        button.clicked.connect(lambda _, what=what: ask(what))
        row.addWidget(button)
    window.show()
    keep("")
    (app.exec if version == "6" else app.exec_)()


if __name__ == "__main__":
    kind, file = sys.argv[1:3]

    def keep(text) -> None:
        new = Path(file).with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(file)

    qt(keep, kind[-1]) if kind.startswith("pyqt") else globals()[kind](keep)
