"""Addresses of pages in rules: the scheme, host, port and path of each are compared by themselves.

https://shop.example          that host, any port and path
https://*.shop.example/pay    shop.example and all below it; /pay and what is in that folder
http://127.0.0.1:*/x*         any port; paths that begin with /x
shop.example                  any of http and https
file:///home/*                files
"""

import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

_PATTERN = re.compile(
    r"(?:(?P<scheme>\*|[a-z][a-z0-9+.-]*)://)?(?P<host>\[[^\]]*\]|[^/:?#\\@\s]*)"
    r"(?::(?P<port>\*|\d{1,5}))?(?P<path>/[^\s#]*)?",
    re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class BadAddress(ValueError):
    """A pattern is no address; the text says how."""


@dataclass(frozen=True, slots=True)
class Address:
    """A pattern for addresses.

    Args:
        scheme: Empty: http and https; "*": any.
        host: In lower case; "*.x" is x and all below it, "*" is any.
        port: None: any.
        path: Empty: any. A folder, or with "*" at its end what it begins with.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def read(cls, text: str, *, exact: bool = False) -> "Address":
        """Read a pattern.

        Args:
            text: The pattern.
            exact: Whether its host may have no "*" but at its beginning, as "*.".

        Raises:
            BadAddress: It is none.
        """
        if text == "*":
            return cls("*", "*", None, "")
        found = _PATTERN.fullmatch(text)
        if not found or not (found["host"] or (found["scheme"] or "").lower() == "file"):
            raise BadAddress(f'url {text!r} is no address such as "https://*.shop.example/pay"')
        host = _host(found["host"])
        if exact and "*" in host.removeprefix("*."):
            raise BadAddress(
                f'url {text!r} would allow foreign hosts; write a whole host or "*.shop.example"'
            )
        port = found["port"]
        return cls(
            (found["scheme"] or "").lower(), host,
            int(port) if port and port != "*" else None, _path(found["path"] or ""),
        )  # fmt: skip

    def fits(self, url: str, *, typed: bool = False) -> bool:
        """Whether an address is one of these.

        Args:
            url: The address.
            typed: Whether it may lack its scheme, as people type it.
        """
        # Browsers take these away, and take \\ for /.
        clean = re.sub(r"[\t\r\n]", "", url.strip()).replace("\\", "/")
        clean = clean.removeprefix("view-source:").removeprefix("blob:")
        if typed and not re.match(r"[a-z][a-z0-9+.-]*:(?!\d)", clean, re.IGNORECASE):
            clean = f"https://{clean}"
        try:
            parts = urlsplit(clean)
            host, port = _host(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        if self.scheme != "*" and parts.scheme not in (
            (self.scheme,) if self.scheme else ("http", "https")
        ):
            return False
        if self.port is not None and self.port != port:
            return False
        return bool(clean) and self._is_host(host) and self._is_path(parts.path)

    def _is_host(self, host: str) -> bool:
        if self.host.startswith("*.") and "*" not in self.host[2:]:
            return host == self.host[2:] or host.endswith(self.host[1:])
        return fnmatchcase(host, self.host) if "*" in self.host else host == self.host

    def _is_path(self, path: str) -> bool:
        here = _path(path or "/")
        if self.path.endswith("*"):
            return here.startswith(self.path[:-1])
        folder = self.path.rstrip("/")
        return not folder or here == folder or here.startswith(f"{folder}/")


def _host(text: str) -> str:
    host = text.casefold().rstrip(".")
    if "*" not in host and not host.isascii():
        with suppress(UnicodeError):
            return host.encode("idna").decode()
    return host


def _path(text: str) -> str:
    """A path with its escapes and dots resolved."""
    plain = unquote(text)
    if not plain:
        return ""
    end = "/" if plain.endswith("/") and plain != "/" else ""
    return "/" + posixpath.normpath(plain).lstrip("/") + end
