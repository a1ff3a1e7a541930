"""The home of a new desktop: settings of its programs, without first-run pages and chatter."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

OWN_PROGRAMS, OWN_ENTRIES = Path(".local/bin"), Path(".local/share/applications")
PORTAL, _PORTAL_NAME = Path(".local/lib/file_dialog.py"), "org.freedesktop.portal.Desktop"
WINDOW_MANAGER, PANEL = Path(".config/openbox/rc.xml"), Path(".config/tint2/tint2rc")
_DESK = Path(__file__).with_name("template")
_ENTRIES = Path("/usr/share/applications")
# A browser without first-run pages, bubbles and chatter.
_CHROMIUM = (
    "--no-first-run", "--no-default-browser-check", "--hide-crash-restore-bubble",
    "--password-store=basic", "--force-renderer-accessibility", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--start-maximized", "--disable-gpu",
    # WebGL without a graphics card; the desktop's walls hold what its name warns of.
    "--enable-unsafe-swiftshader",
    # The last two have a page of their own for what the address bar suggests, which takes a second
    # of processor time at every start; without them it is drawn as it used to be.
    "--disable-features=Translate,OptimizationHints,MediaRouter,WebUIOmniboxPopup,"
    "WebUIOmniboxAimPopup",
)  # fmt: skip


def populate_home(home: Path, seen_as: Path, *, lasts: bool = False) -> None:
    """Put the settings of the desktop's programs into a new home.

    Args:
        home: Where it is.
        seen_as: Where its programs see it.
        lasts: Whether it outlives the desktop: browsers then go on where they ended.
    """
    for below in (
        ".config/openbox",
        "Desktop",
        "Documents",
        "Downloads",
        ".config/gtk-3.0",
        ".config/gtk-4.0",
    ):
        (home / below).mkdir(parents=True)
    for kit in ("gtk-3.0", "gtk-4.0"):
        shutil.copy(_DESK / "settings.ini", home / ".config" / kit)
    _furnish_chromium(home, seen_as, lasts=lasts)
    _furnish_portal(home, seen_as)
    for name, there in _QUIET.items():
        (home / there).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_DESK / name, home / there)
    for profiles, programs in _MOZILLA.items():
        shutil.copy(_DESK / "profiles.ini", home / profiles)
        for program in (Path("/usr/lib", name) for name in programs):
            if program.is_dir():  # it takes no profile for its own but what says so
                (home / profiles / "desktop.default/compatibility.ini").write_text(
                    f"[Compatibility]\nLastPlatformDir={program}\n"
                )
    panel = (_DESK / "tint2rc").read_text()
    entries = [found for names in _LAUNCHERS if (found := _first_entry(home, seen_as, names))]
    (home / ".config/tint2").mkdir()
    (home / PANEL).write_text(
        panel + "".join(f"launcher_item_app = {entry}\n" for entry in entries)
    )


# Settings of programs that otherwise begin with questions and welcomes: which goes where.
_QUIET = {
    "openbox.xml": WINDOW_MANAGER,
    # Lists, for its icons tell nothing of themselves.
    "thunar.xml": ".config/xfce4/xfconf/xfce-perchannel-xml/thunar.xml",
    "registrymodifications.xcu": ".config/libreoffice/4/user/registrymodifications.xcu",
    "vlcrc": ".config/vlc/vlcrc",
    "inkscape.xml": ".config/inkscape/preferences.xml",
    "firefox.js": ".mozilla/firefox/desktop.default/user.js",
    "thunderbird.js": ".thunderbird/desktop.default/user.js",
}
_MOZILLA = {".mozilla/firefox": ("firefox", "firefox-esr"), ".thunderbird": ("thunderbird",)}
_CHROMIUM_PREFERENCES = {
    "autofill": {"credit_card_enabled": False, "profile_enabled": False},
    "bookmark_bar": {"show_on_all_tabs": False},
    "browser": {"check_default_browser": False},
    "credentials_enable_service": False,
    "homepage": "about:blank",
    # Its own new tab page takes the focus from the address bar, and with it what is typed next.
    "newtab_page_location_override": "about:blank",
    "profile": {
        "default_content_setting_values": {"geolocation": 2, "notifications": 2},
        "password_manager_enabled": False,
    },
    "search": {"suggest_enabled": False},
    "translate": {"enabled": False},
}
# Opens the tabs there were; only so are the cookies of a browser's session kept: many logins.
_GO_ON = {"session": {"restore_on_startup": 1}}
# What opens in Chromium where other browsers are installed too.
_PAGES = (
    "text/html", "application/xhtml+xml", "x-scheme-handler/http", "x-scheme-handler/https",
)  # fmt: skip
_LAUNCHERS = (
    ("chromium", "firefox-esr", "firefox"),
    ("thunar", "pcmanfm"),
    ("org.xfce.mousepad", "mousepad"),
    ("lxterminal", "debian-xterm", "xterm"),
)


# Chromium refuses to start where it cannot have a sandbox of its own: as root, and where neither a
# user namespace nor its set-uid helper is allowed to work (a container, a chroot). Bit 21 is
# CAP_SYS_ADMIN, which the helper needs.
_CHROMIUM_WRAPPER = """\
#!/bin/sh
of_status() {{ sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }}
helper_works() {{
  [ -u /usr/lib/chromium/chrome-sandbox ] && [ "$(of_status NoNewPrivs)" = 0 ] &&
    [ $((0x$(of_status CapBnd) >> 21 & 1)) = 1 ]
}}
[ "$(id -u)" != 0 ] && {{ unshare --user true 2>/dev/null || helper_works; }} ||
  set -- --no-sandbox --test-type "$@"
exec {system} {flags} "$@"
"""


def _furnish_portal(home: Path, seen_as: Path) -> None:
    """Let browsers ask for files by a dialog that can be read: their own tell nothing."""
    if not any(any(Path("/usr").glob(f"{where}/libgtk-3.so.0")) for where in ("lib*", "lib/*")):
        return
    (home / PORTAL.parent).mkdir(parents=True, exist_ok=True)
    shutil.copy(_DESK / PORTAL.name, home / PORTAL)
    services = home / ".local/share/dbus-1/services"
    services.mkdir(parents=True)
    (services / f"{_PORTAL_NAME}.service").write_text(
        f"[D-BUS Service]\nName={_PORTAL_NAME}\n"
        # It leaves no files of settings in the home.
        f"Exec=/usr/bin/env GSETTINGS_BACKEND=memory /usr/bin/python3 -I {seen_as / PORTAL}\n"
    )


def _first_entry(home: Path, seen_as: Path, names: Sequence[str]) -> Path | None:
    """The first of some desktop entries there is, as programs see it; the home's own come first."""
    for name in (f"{name}.desktop" for name in names):
        if (home / OWN_ENTRIES / name).exists():
            return seen_as / OWN_ENTRIES / name
        if (_ENTRIES / name).exists():
            return _ENTRIES / name
    return None


def _furnish_chromium(home: Path, seen_as: Path, *, lasts: bool) -> None:
    """Let everything that starts Chromium start it with our flags, the menu included."""
    system = Path("/usr/bin/chromium")
    entry = _ENTRIES / "chromium.desktop"
    if not system.exists() or not entry.exists():
        return
    wrapper = home / OWN_PROGRAMS / "chromium"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(_CHROMIUM_WRAPPER.format(system=system, flags=" ".join(_CHROMIUM)))
    wrapper.chmod(0o700)
    (home / OWN_ENTRIES).mkdir(parents=True)
    shown = seen_as / wrapper.relative_to(home)
    ours = re.sub(rf"^Exec={system}", f"Exec={shown}", entry.read_text(), flags=re.MULTILINE)
    (home / OWN_ENTRIES / entry.name).write_text(ours)
    pages = "".join(f"{kind}={entry.name}\n" for kind in _PAGES)
    (home / ".config/mimeapps.list").write_text(f"[Default Applications]\n{pages}")
    preferences = home / ".config/chromium/Default/Preferences"
    preferences.parent.mkdir(parents=True)
    given = _CHROMIUM_PREFERENCES | (_GO_ON if lasts else {})
    preferences.write_text(json.dumps(given))
