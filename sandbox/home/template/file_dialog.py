"""Asks for files on behalf of other programs: org.freedesktop.portal.FileChooser, drawn by GTK 3.

A program of the desktop, started by its session bus when a browser looks for such a service: the
browser's own dialogs tell assistive programs nothing. It needs Python and GTK's libraries, nothing
else; GTK itself is loaded when the first file is asked for.

What is wanted can be picked in the list or written into the dialog's entry: one path as it is,
several in double quotes each.
"""

import ctypes
import os
import re
import secrets
from collections.abc import Sequence
from ctypes import CFUNCTYPE, c_char_p, c_int, c_size_t, c_uint, c_ulong, c_void_p
from json import dumps
from pathlib import Path
from typing import Any
from urllib.parse import quote

BUS_NAME = b"org.freedesktop.portal.Desktop"
OBJECT = "/org/freedesktop/portal/desktop"
FILES, REQUESTS = "org.freedesktop.portal.FileChooser", "org.freedesktop.portal.Request"
ASK = """
    <method name="{}">
      <arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="a{{sv}}" direction="in"/><arg type="o" direction="out"/>
    </method>"""
DESCRIPTION = f"""
<node>
  <interface name="{FILES}">
    {ASK.format("OpenFile")}{ASK.format("SaveFile")}
    <property name="version" type="u" access="read"/>
  </interface>
  <interface name="{REQUESTS}">
    <method name="Close"/>
    <signal name="Response"><arg type="u"/><arg type="a{{sv}}"/></signal>
  </interface>
</node>"""
VERSION = 4  # since which OpenFile may be told the folder to begin in
CHOSEN, CANCELLED = 0, 1  # answers of a request, as its interface numbers them
SESSION = 2  # GBusType
OPEN, SAVE, SELECT_FOLDER = 0, 1, 2  # GtkFileChooserAction
CANCEL, ACCEPT = -6, -3  # GtkResponseType
CONFIRM = 1  # a response of our own; GTK's would want something picked in the list
GLOB = 0  # the kind of a rule of a filter; any other is a media type
HORIZONTAL, VERTICAL = 0, 1  # GtkOrientation
GAP = 6  # pixels between a label and its entry


class Address(c_void_p):
    """A pointer that stays one: ctypes makes plain numbers of others, and cuts them in calls."""


MethodCall = CFUNCTYPE(
    None, Address, c_char_p, c_char_p, c_char_p, c_char_p, Address, Address, Address
)
GetProperty = CFUNCTYPE(c_void_p, Address, c_char_p, c_char_p, c_char_p, c_char_p, Address, Address)
NameChanged = CFUNCTYPE(None, Address, c_char_p, Address)
Responded = CFUNCTYPE(None, Address, c_int, Address)
Changed = CFUNCTYPE(None, Address, Address)
Idle = CFUNCTYPE(c_int, Address)


class Table(ctypes.Structure):
    """GDBusInterfaceVTable."""

    _fields_ = (
        ("method_call", MethodCall),
        ("get_property", GetProperty),
        ("set_property", c_void_p),
        ("padding", c_void_p * 8),
    )


class Node(ctypes.Structure):
    """A member of a GSList."""

    _fields_ = (("data", Address), ("next", Address))


class Library:
    """Functions of a C library, which is loaded when the first of them is used.

    Args:
        name: The library's.
        returns: What functions return that return no address.
    """

    def __init__(self, name: str, **returns: Any) -> None:
        self._name = name
        self._returns = returns

    def __getattr__(self, name: str) -> Any:
        function = ctypes.CDLL(self._name)[name]
        function.restype = self._returns.get(name, Address)
        setattr(self, name, function)
        return function


glib = Library(
    "libglib-2.0.so.0",
    g_variant_n_children=c_size_t, g_variant_get_uint32=c_uint, g_variant_get_boolean=c_int,
    g_variant_get_bytestring=c_char_p, g_variant_get_string=c_char_p,
    g_variant_get_type_string=c_char_p, g_idle_add=c_uint,
)  # fmt: skip
gio = Library("libgio-2.0.so.0", g_dbus_connection_register_object=c_uint, g_bus_own_name=c_uint)
gobject = Library(
    "libgobject-2.0.so.0", g_signal_connect_data=c_ulong, g_type_check_instance_is_a=c_int
)
gtk = Library(
    "libgtk-3.so.0",
    gtk_init_check=c_int, gtk_file_chooser_set_current_folder=c_int,
    gtk_file_chooser_set_filename=c_int, gtk_entry_get_text=c_char_p, gtk_entry_get_type=c_size_t,
)  # fmt: skip
gdk = Library("libgdk-3.so.0")


class Wrong(Exception):
    """What was asked for cannot be; says why to who asked."""


def python_of(variant: Address) -> Any:
    """What a GVariant holds, of the types that options of file choosers have; None for others."""
    kind = glib.g_variant_get_type_string(variant).decode()
    match kind:
        case "s" | "o":
            return glib.g_variant_get_string(variant, None).decode()
        case "u":
            return glib.g_variant_get_uint32(variant)
        case "b":
            return bool(glib.g_variant_get_boolean(variant))
        case "ay":
            return os.fsdecode(glib.g_variant_get_bytestring(variant))
        case _ if kind[0] not in "av({":
            return None
        case _:
            pass
    count = glib.g_variant_n_children(variant)
    held = [_child(variant, index) for index in range(count)]
    if kind == "v":
        return held[0]
    return dict(held) if kind.startswith("a{") else held


def _child(variant: Address, index: int) -> Any:
    child = glib.g_variant_get_child_value(variant, c_size_t(index))
    try:
        return python_of(child)
    finally:
        glib.g_variant_unref(child)


def variant_of(text: str) -> Address:
    """A GVariant written as text; the caller owns it."""
    made = glib.g_variant_parse(None, text.encode(), None, None, None)
    assert made, text
    return made


def written(text: str) -> str:
    """A text as a GVariant's text has it: JSON's escapes are among GLib's."""
    return dumps(text, ensure_ascii=False)


def start_gtk() -> None:
    """Load GTK and connect to the screen.

    Raises:
        Wrong: There is none.
    """
    glib.g_set_prgname(b"file-dialog")
    if not gtk.gtk_init_check(None, None):
        raise Wrong("There is no screen to ask on.")


def taken(given: Address) -> str:
    """A text in a file name's own bytes that GTK gave away; empty for none."""
    text = os.fsdecode(ctypes.string_at(given)) if given else ""
    glib.g_free(given)
    return text


def connect(widget: Address, signal: bytes, callback: Any) -> None:
    """Have a callback called, which the caller keeps."""
    gobject.g_signal_connect_data(widget, signal, callback, None, None, 0)


class Dialog:
    """One question for files.

    Args:
        action: OPEN, SAVE or SELECT_FOLDER.
        title: Of the window; may be empty.
        options: As the portal's interface has them.
        told: Told the outcome once: the answer's number and the paths.
    """

    def __init__(self, action: int, title: str, options: dict[str, Any], told: Any) -> None:
        self._told, self._action = told, action
        self.several = action != SAVE and options.get("multiple") is True
        usual = ("Open File", "Save File", "Choose Folder")[action]
        confirm = _label(options.get("accept_label")) or ("_Open", "_Save", "_Choose")[action]
        name = (title or usual).encode()
        self._dialog = dialog = gtk.gtk_file_chooser_dialog_new(name, None, action, None)
        gtk.gtk_dialog_add_button(dialog, b"_Cancel", CANCEL)
        answer = ACCEPT if action == SAVE else CONFIRM
        gtk.gtk_dialog_add_button(dialog, confirm.encode(), answer)
        gtk.gtk_dialog_set_default_response(dialog, answer)
        gtk.gtk_window_set_modal(dialog, options.get("modal") is not False)
        gtk.gtk_file_chooser_set_do_overwrite_confirmation(dialog, True)
        gtk.gtk_file_chooser_set_local_only(dialog, True)
        gtk.gtk_file_chooser_set_select_multiple(dialog, self.several)
        self._filters = [self._add_filter(one) for one in options.get("filters") or ()]
        self._begin(options)
        self._entry = Address() if action == SAVE else self._add_entry()
        self._following = 0  # the source that is to look at what is picked
        self._responded, self._picked = Responded(self._respond), Changed(self._follow_list)
        self._followed = Idle(self._take_picked)
        connect(dialog, b"response", self._responded)
        # The default button, activated by Return, would take all clicks for 0.25 s.
        self._entered = Changed(self._enter)
        if self._entry:
            connect(dialog, b"selection-changed", self._picked)
            connect(self._entry, b"activate", self._entered)

    def show(self, parent: str) -> None:
        """Open the window above another, which is named as portals do: "x11:" and its id."""
        gtk.gtk_widget_realize(self._dialog)
        if found := re.fullmatch("x11:([0-9a-fA-F]{1,8})", parent):
            display = gdk.gdk_display_get_default()
            above = gdk.gdk_x11_window_foreign_new_for_display(display, c_ulong(int(found[1], 16)))
            if above:
                gdk.gdk_window_set_transient_for(gtk.gtk_widget_get_window(self._dialog), above)
        gtk.gtk_window_present(self._dialog)
        if self._entry:  # only now: showing the list gives that the focus
            gtk.gtk_widget_grab_focus(self._entry)
        else:
            self._still(gtk.gtk_window_get_focus(self._dialog))

    def close(self) -> None:
        """Take the window away without an answer."""
        if self._dialog:
            if self._following:
                glib.g_source_remove(self._following)
            dialog, self._dialog = self._dialog, None
            gtk.gtk_widget_destroy(dialog)

    def filter(self) -> str:
        """The chosen filter as an option of the answer; empty for none."""
        chosen = gtk.gtk_file_chooser_get_filter(self._dialog)
        for made, (name, rules) in self._filters:
            if made.value == chosen.value:
                listed = ", ".join(f"(uint32 {kind}, {written(rule)})" for kind, rule in rules)
                return f", 'current_filter': <({written(name)}, @a(us) [{listed}])>"
        return ""

    def _still(self, name: Address) -> None:
        """Let GTK's entry for the name propose nothing: its list would take the next click."""
        is_entry = name and gobject.g_type_check_instance_is_a(
            name, c_size_t(gtk.gtk_entry_get_type())
        )
        if is_entry and (completion := gtk.gtk_entry_get_completion(name)):
            gtk.gtk_entry_completion_set_popup_completion(completion, False)

    def _add_filter(self, described: Any) -> tuple[Address, tuple[str, Any]]:
        name, rules = described
        made = gtk.gtk_file_filter_new()
        gtk.gtk_file_filter_set_name(made, name.encode())
        for kind, rule in rules:
            if kind == GLOB:
                gtk.gtk_file_filter_add_pattern(made, rule.encode())
            else:
                gtk.gtk_file_filter_add_mime_type(made, rule.encode())
        gtk.gtk_file_chooser_add_filter(self._dialog, made)
        return made, (name, rules)

    def _begin(self, options: dict[str, Any]) -> None:
        """Show the folder, and the name, that the program asks to begin with."""
        dialog = self._dialog
        folder = options.get("current_folder") or str(Path.home())
        gtk.gtk_file_chooser_set_current_folder(dialog, os.fsencode(folder))
        if self._action != SAVE:
            return
        if file := options.get("current_file"):
            gtk.gtk_file_chooser_set_filename(dialog, os.fsencode(file))
        if name := options.get("current_name"):
            gtk.gtk_file_chooser_set_current_name(dialog, name.encode())

    def _add_entry(self) -> Address:
        """The entry for paths, with its label."""
        what = "Folder" if self._action == SELECT_FOLDER else "File"
        label = gtk.gtk_label_new_with_mnemonic(f"{what} _name{'s' * self.several}:".encode())
        entry = gtk.gtk_entry_new()
        gtk.gtk_label_set_mnemonic_widget(label, entry)
        hint = 'One, or several: "first" "second"' if self.several else ""
        gtk.gtk_entry_set_placeholder_text(entry, hint.encode())
        row = gtk.gtk_box_new(HORIZONTAL, GAP)
        gtk.gtk_box_pack_start(row, label, False, False, 0)
        gtk.gtk_box_pack_start(row, entry, True, True, 0)
        self._why = gtk.gtk_label_new(None)
        gtk.gtk_label_set_xalign(self._why, ctypes.c_float(0))
        gtk.gtk_widget_set_no_show_all(self._why, True)
        below = gtk.gtk_box_new(VERTICAL, GAP)
        gtk.gtk_box_pack_start(below, self._why, False, False, 0)
        gtk.gtk_box_pack_start(below, row, False, False, 0)
        gtk.gtk_widget_show_all(below)
        gtk.gtk_file_chooser_set_extra_widget(self._dialog, below)
        return entry

    def _follow_list(self, chooser: Address, data: Address) -> None:
        """Look at what is picked in the list, once the click that picked it has moved the focus."""
        if not self._following:
            self._following = glib.g_idle_add(self._followed, None)

    def _take_picked(self, data: Address) -> int:
        """Write what is picked in the list into the entry.

        GTK picks the first file by itself when a folder is read; that would be taken for a choice.
        """
        self._following = 0
        if self._dialog and (names := self._selected()):
            self._write(names)
        return False

    def _write(self, names: Sequence[str]) -> None:
        focus = gtk.gtk_window_get_focus(self._dialog)
        if focus.value == self._entry.value:
            gtk.gtk_file_chooser_unselect_all(self._dialog)
            return
        quoted = self.several and (len(names) > 1 or names[0].startswith('"'))
        text = " ".join(map(_quoted, names)) if quoted else names[0]
        gtk.gtk_entry_set_text(self._entry, os.fsencode(text))

    def _selected(self) -> list[str]:
        """The names of what is selected in the list."""
        listed = gtk.gtk_file_chooser_get_filenames(self._dialog)
        names: list[str] = []
        at = listed
        while at:
            node = ctypes.cast(at, ctypes.POINTER(Node)).contents
            names.append(Path(taken(node.data)).name)
            at = node.next
        glib.g_slist_free(listed)
        return names

    def _respond(self, dialog: Address, response: int, data: Address) -> None:
        if response not in (ACCEPT, CONFIRM):
            self._told(CANCELLED, [])
        elif response == ACCEPT:
            name = taken(gtk.gtk_file_chooser_get_filename(dialog))
            if name:
                self._told(CHOSEN, [name])
        else:
            self._confirm()

    def _enter(self, entry: Address, data: Address) -> None:
        self._confirm()

    def _confirm(self) -> None:
        """Answer with what the entry names, or say why that cannot be."""
        at = gtk.gtk_file_chooser_get_current_folder(self._dialog)
        folder = Path(taken(at) or Path.home())
        text = os.fsdecode(gtk.gtk_entry_get_text(self._entry))
        try:
            paths = self._wanted(text, folder)
        except Wrong as why:
            self._say(str(why))
            return
        if self._action == OPEN and paths[0].is_dir():
            if paths[0] != folder:  # to read the same again would undo a choice made meanwhile
                gtk.gtk_file_chooser_set_current_folder(self._dialog, os.fsencode(paths[0]))
            gtk.gtk_entry_set_text(self._entry, b"")
        else:
            self._told(CHOSEN, [str(path) for path in paths])

    def _wanted(self, text: str, folder: Path) -> Sequence[Path]:
        """What a text names.

        Raises:
            Wrong: Nothing, or something that is not there or is of the other kind.
        """
        names = _names(text) if self.several and text.startswith('"') else [text] if text else []
        names = names or self._selected()
        if not names and self._action == SELECT_FOLDER:
            return [folder]
        if not names:
            raise Wrong("Nothing is chosen: pick something, or write its name.")
        paths = [Path(os.path.normpath(folder / Path(name).expanduser())) for name in names]
        for path in paths:
            if not path.exists():
                raise Wrong(f"There is no {str(path)!r}.")
            if not os.access(path, os.R_OK):
                raise Wrong(f"{str(path)!r} may not be read.")
            if self._action == SELECT_FOLDER and not path.is_dir():
                raise Wrong(f"{str(path)!r} is a file, and a folder is wanted.")
            if self._action == OPEN and path.is_dir() and len(paths) > 1:
                raise Wrong(f"{str(path)!r} is a folder, and files are wanted.")
        return paths

    def _say(self, why: str) -> None:
        """Show a sentence above the entry."""
        gtk.gtk_label_set_text(self._why, why.encode(errors="replace"))
        gtk.gtk_widget_show(self._why)


def _quoted(name: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


def _names(text: str) -> list[str]:
    """The names in a line of quoted ones.

    Raises:
        Wrong: It is no such line.
    """
    one = r'"((?:[^"\\]|\\.)+)"'
    if not re.fullmatch(rf"{one}(?:\s+{one})*\s*", text):
        raise Wrong('Write several names in double quotes each: "first" "second".')
    return [re.sub(r"\\(.)", r"\1", name) for name in re.findall(one, text)]


def _label(given: Any) -> str:
    return given if isinstance(given, str) else ""


class Service:
    """The portal on the session bus."""

    def __init__(self) -> None:
        self._loop = glib.g_main_loop_new(None, False)
        self._started = False
        self._requests: dict[str, Request] = {}
        self._ended: list[Request] = []  # GTK may be about to return into their callbacks
        described = gio.g_dbus_node_info_new_for_xml(DESCRIPTION.encode(), None)
        self._interfaces = {
            name: gio.g_dbus_node_info_lookup_interface(described, name.encode())
            for name in (FILES, REQUESTS)
        }
        self._table = Table(MethodCall(self._called), GetProperty(self._asked))
        self._connected, self._lost = NameChanged(self._connect), NameChanged(self._leave)
        self.connection = Address()

    def run(self) -> None:
        """Serve until the bus ends or another has the name."""
        gio.g_bus_own_name(SESSION, BUS_NAME, 0, self._connected, None, self._lost, None, None)
        glib.g_main_loop_run(self._loop)

    def offer(self, path: str, interface: str) -> int:
        """Put an object on the bus; the number takes it away."""
        return gio.g_dbus_connection_register_object(
            self.connection, path.encode(), self._interfaces[interface],
            ctypes.byref(self._table), None, None, None,
        )  # fmt: skip

    def ended(self, request: "Request") -> None:
        """Forget a request."""
        self._ended.append(self._requests.pop(request.path))

    def _connect(self, connection: Address, name: bytes, data: Address) -> None:
        self.connection = connection
        self.offer(OBJECT, FILES)

    def _leave(self, connection: Address, name: bytes, data: Address) -> None:
        glib.g_main_loop_quit(self._loop)

    def _asked(self, *about: Any) -> int | None:
        return glib.g_variant_new_uint32(c_uint(VERSION)).value

    def _called(
        self, connection: Address, sender: bytes, path: bytes, interface: bytes, method: bytes,
        given: Address, invocation: Address, data: Address,
    ) -> None:  # fmt: skip
        if method == b"Close":
            if request := self._requests.get(path.decode()):
                request.close()
            gio.g_dbus_method_invocation_return_value(invocation, None)
            return
        try:
            if not self._started:
                start_gtk()
                self._started = True
            handle = self._ask(sender.decode(), method.decode(), *python_of(given))
        except (Wrong, AttributeError, TypeError, ValueError) as why:  # options of other types
            error = b"org.freedesktop.portal.Error.InvalidArgument"
            said = str(why).encode(errors="replace")
            gio.g_dbus_method_invocation_return_dbus_error(invocation, error, said)
            return
        answer = variant_of(f"(objectpath {written(handle)},)")
        gio.g_dbus_method_invocation_return_value(invocation, answer)
        glib.g_variant_unref(answer)

    def _ask(self, sender: str, method: str, parent: str, title: str, options: Any) -> str:
        """Open a dialog; the path of the request for it."""
        self._ended.clear()
        token = _label(options.get("handle_token"))
        if not re.fullmatch(r"\w+", token, re.ASCII):
            token = secrets.token_hex(8)
        path = f"{OBJECT}/request/{sender.lstrip(':').replace('.', '_')}/{token}"
        if path in self._requests:
            raise Wrong("A request of this name is open.")
        folders = method == "OpenFile" and options.get("directory") is True
        action = SAVE if method == "SaveFile" else SELECT_FOLDER if folders else OPEN
        self._requests[path] = request = Request(self, sender, path)
        try:
            request.dialog = Dialog(action, title, options, request.answer)
        except BaseException:
            request.close()
            raise
        request.dialog.show(parent)
        return path


class Request:
    """A question of a program, which may take it back; so does its end."""

    def __init__(self, service: Service, sender: str, path: str) -> None:
        self.path = path
        self.dialog: Dialog | None = None
        self._service, self._sender = service, sender.encode()
        self._offered = service.offer(path, REQUESTS)
        self._vanished = NameChanged(self._left)
        self._watch = gio.g_bus_watch_name_on_connection(
            service.connection, self._sender, 0, None, self._vanished, None, None
        )

    def _left(self, connection: Address, name: bytes, data: Address) -> None:
        self.close()

    def answer(self, outcome: int, paths: Sequence[str]) -> None:
        """Tell the program, and end."""
        uris = ", ".join(f"'file://{quote(os.fsencode(path))}'" for path in paths)
        chosen = self.dialog.filter() if self.dialog and paths else ""
        results = f"{{'uris': <@as [{uris}]>{chosen}}}" if paths else "@a{sv} {}"
        told = variant_of(f"(uint32 {outcome}, {results})")
        gio.g_dbus_connection_emit_signal(
            self._service.connection, self._sender, self.path.encode(), REQUESTS.encode(),
            b"Response", told, None,
        )  # fmt: skip
        glib.g_variant_unref(told)
        self.close()

    def close(self) -> None:
        """Take the dialog away."""
        if self._offered:
            offered, self._offered = self._offered, 0
            gio.g_bus_unwatch_name(self._watch)
            gio.g_dbus_connection_unregister_object(self._service.connection, offered)
            self._service.ended(self)
        if self.dialog:
            self.dialog.close()


if __name__ == "__main__":
    Service().run()
