"""What a person means by a text they give a launcher or a browser's address bar to open."""

import re
from dataclasses import dataclass
from typing import Literal

# Schemes that browsers take on their command line.
_PAGES = frozenset({"http", "https", "about", "data", "file"})
# Chromium opens these from its address bar, and from a command line shows an empty tab instead.
_OWN_PAGES = frozenset({"chrome", "chrome-extension", "devtools", "view-source"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?!\d{1,5}(?:[/?#]|$))", re.IGNORECASE)
_HOST = re.compile(
    r"(?:localhost|\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}|"
    r"[\w-]+(?:\.[\w-]+)*(?=:\d))(?P<port>:\d{1,5})?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
# Last parts of names that are meant as files more often than as hosts.
_FILES = frozenset(
    """txt md pdf doc docx odt ods odp xls xlsx ppt pptx csv html htm json xml yaml yml toml png jpg
    jpeg gif svg webp mp3 mp4 mkv wav ogg gz tar log desktop c h js ts css""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be opened."""

    kind: Literal["page", "address", "link", "file", "name"]
    """A page of the browser, one that only its address bar takes (chrome://version), another link
    (mailto:), a file, or the name of an application."""
    text: str
    """A whole URL, a path that begins with / or ~, or the name."""
    guessed: bool = False
    """A name that may be that of a host: an application of that name comes first."""


def parse_target(text: str) -> Target:
    """Return what a text means: a URL with or without its scheme, a path, or a name."""
    text = text.strip()
    if text.startswith(("/", "~/")) or text == "~":
        return Target("file", text)
    if found := _SCHEME.match(text):
        scheme = found[1].lower()
        if scheme in _PAGES:
            return Target("page", text)
        if scheme in _OWN_PAGES:
            return Target("address", text)
        if " " not in text:
            return Target("link", text)
    if (found := _HOST.fullmatch(text)) and not _names_a_file(text):
        return Target("page", f"http://{text}", guessed=True)
    return Target("name", text)


def _names_a_file(text: str) -> bool:
    name, slash, _ = text.partition("/")
    return not slash and name.rpartition(".")[2].lower() in _FILES
