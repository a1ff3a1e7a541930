"""What `open` takes: names of applications, addresses as people type them, links and files."""

from pathlib import Path

import pytest

from gloveport.sandbox.errors import NoHandler, NoSuchApplication
from gloveport.sandbox.session.desktop_entries import Application, Command, command
from gloveport.sandbox.session.launch_targets import parse_target

HOME = Path("/home/user")
INSTALLED = [
    Application("chromium", "Chromium Web Browser", ("chromium", "%U")),
    Application("libreoffice-calc", "LibreOffice Calc", ("soffice", "--calc", "%U")),
    Application("libreoffice-writer", "LibreOffice Writer", ("soffice", "--writer", "%U")),
    Application("org.xfce.mousepad", "Mousepad", ("mousepad", "%F"), "Text Editor notes"),
    Application("thunar", "Thunar File Manager", ("thunar", "%U")),
]
MAILER = Application(
    "mail", "Letters", ("letters", "%u"), types=frozenset({"x-scheme-handler/mailto"})
)


@pytest.mark.parametrize(
    ("typed", "opened"),
    [
        ("https://example.com/a?b#c", "https://example.com/a?b#c"),
        ("HTTP://EXAMPLE.com", "HTTP://EXAMPLE.com"),
        ("example.com", "http://example.com"),
        ("  example.com/path?q=1 ", "http://example.com/path?q=1"),
        ("www.spiegel.de", "http://www.spiegel.de"),
        ("münchen.de", "http://münchen.de"),
        ("小米.中国/手机", "http://小米.中国/手机"),
        ("localhost", "http://localhost"),
        ("localhost:8000", "http://localhost:8000"),
        ("localhost:8000/a/b", "http://localhost:8000/a/b"),
        ("host.internal:8763/news", "http://host.internal:8763/news"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("192.0.2.1/x", "http://192.0.2.1/x"),
        ("[::1]:8080/x", "http://[::1]:8080/x"),
        ("nas:8080", "http://nas:8080"),
        ("about:blank", "about:blank"),
        ("data:text/html,<b>a b</b>", "data:text/html,<b>a b</b>"),
        ("file:///home/user/a.html", "file:///home/user/a.html"),
    ],
)
def test_what_an_address_bar_takes_is_opened_in_the_browser(typed: str, opened: str) -> None:
    assert command(typed, INSTALLED, HOME) == Command(["chromium", opened])


@pytest.mark.parametrize(
    "typed", ["chrome://extensions", "chrome://version/", "view-source:https://example.com"]
)
def test_the_browser_s_own_pages_are_entered_into_its_address_bar(typed: str) -> None:
    found = command(typed, INSTALLED, HOME)
    assert (found.argv[0], found.address) == ("chromium", typed)


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("~", "/home/user"),
        ("~/", "/home/user"),
        ("~/a b.txt", "/home/user/a b.txt"),
        ("/tmp", "/tmp"),
        ("/", "/"),
    ],
)
def test_a_path_is_opened_with_its_application(typed: str, path: str) -> None:
    assert command(typed, INSTALLED, HOME).argv == ["gio", "open", path]


@pytest.mark.parametrize(
    ("typed", "program"),
    [
        ("Mousepad", "mousepad"),
        ("org.xfce.mousepad", "mousepad"),
        ("gedit", "mousepad"),
        ("notes", "mousepad"),
        ("Writer", "soffice"),
        ("calc", "soffice"),
        ("thunar file", "thunar"),
        ("explorer", "thunar"),
    ],
)
def test_the_nearest_application_is_meant(typed: str, program: str) -> None:
    assert command(typed, INSTALLED, HOME).argv[0] == program


@pytest.mark.parametrize("typed", ["LibreOffice", "Mousepat", "report.pdf", "buy milk", "a: b"])
def test_what_may_be_several_or_none_is_refused(typed: str) -> None:
    with pytest.raises(NoSuchApplication, match="There is no application"):
        command(typed, INSTALLED, HOME)


def test_a_link_goes_to_the_application_of_its_scheme() -> None:
    found = command("mailto:a@b.org", [*INSTALLED, MAILER], HOME)
    assert found == Command(["letters", "mailto:a@b.org"])
    with pytest.raises(NoHandler, match=r"^No application of this desktop opens mailto: links\."):
        command("mailto:a@b.org", INSTALLED, HOME)


def test_a_host_is_a_guess_only_where_the_scheme_is_missing() -> None:
    assert parse_target("org.xfce.mousepad").guessed
    assert not parse_target("http://org.xfce.mousepad").guessed
