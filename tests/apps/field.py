"""One text field in a window; a moment after every change its true contents are in a file.

field.py KIND FILE, where KIND is gtk3, gtk4, tk, qt or terminal (run inside a terminal emulator).
"""

import os
import select
import sys
from pathlib import Path

SOON = 30  # milliseconds after a change; writing at each would be all that the program does


def keep(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.rename(path)


class Later:
    """Calls something soon, once for however many changes.

    Args:
        start: Calls a function after some milliseconds.
        work: What to call.
    """

    def __init__(self, start, work) -> None:
        self.start, self.work, self.waiting = start, work, False

    def __call__(self, *_) -> None:
        if not self.waiting:
            self.waiting = True
            self.start(SOON, self.run)

    def run(self) -> bool:
        self.waiting = False
        self.work()
        return False


def gtk3(path: Path) -> None:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import GLib, Gtk

    window = Gtk.Window(title="field")
    window.set_default_size(600, 400)
    view = Gtk.TextView(wrap_mode=Gtk.WrapMode.CHAR)
    scrolled = Gtk.ScrolledWindow()
    scrolled.add(view)
    window.add(scrolled)
    text = view.get_buffer()
    changed = Later(GLib.timeout_add, lambda: keep(path, text.get_text(*text.get_bounds(), True)))
    text.connect("changed", changed)
    window.show_all()
    view.grab_focus()
    keep(path, "")
    Gtk.main()


def gtk4(path: Path) -> None:
    import gi

    gi.require_version("Gtk", "4.0")
    from gi.repository import GLib, Gtk

    Gtk.init()
    window = Gtk.Window(title="field")
    window.set_default_size(600, 400)
    view = Gtk.TextView(wrap_mode=Gtk.WrapMode.CHAR)
    scrolled = Gtk.ScrolledWindow()
    scrolled.set_child(view)
    window.set_child(scrolled)
    text = view.get_buffer()
    changed = Later(GLib.timeout_add, lambda: keep(path, text.get_text(*text.get_bounds(), True)))
    text.connect("changed", changed)
    window.present()
    view.grab_focus()
    keep(path, "")
    GLib.MainLoop().run()


def tk(path: Path) -> None:
    import tkinter

    root = tkinter.Tk()
    root.title("field")
    root.geometry("600x400")
    field = tkinter.Text(root, wrap="char")
    field.pack(fill="both", expand=True)
    field.focus_set()
    soon = Later(root.after, lambda: keep(path, field.get("1.0", "end-1c")))

    def changed(event: object) -> None:
        field.edit_modified(False)
        soon()

    field.bind("<<Modified>>", changed)
    root.after(200, lambda: keep(path, ""))
    root.mainloop()


def qt(path: Path) -> None:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QPlainTextEdit

    app = QApplication([])
    field = QPlainTextEdit()
    field.setWindowTitle("field")
    field.resize(600, 400)
    field.textChanged.connect(Later(QTimer.singleShot, lambda: keep(path, field.toPlainText())))
    field.show()
    field.setFocus()
    keep(path, "")
    app.exec()


def terminal(path: Path) -> None:
    import tty

    tty.setraw(0)
    got = b""
    keep(path, "")
    while more := os.read(0, 65536):
        got += more
        os.write(1, more)
        if not select.select([0], [], [], SOON / 1000)[0]:
            keep(path, got.decode("utf-8", "replace").replace("\r", "\n"))


if __name__ == "__main__":
    {"gtk3": gtk3, "gtk4": gtk4, "tk": tk, "qt": qt, "terminal": terminal}[sys.argv[1]](
        Path(sys.argv[2])
    )
