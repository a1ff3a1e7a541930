"""Links to the live view, for browsers, which cannot show a token on their own.

Somebody with a token makes a link with a code in it. The browser that is the first to post the code
back, within a minute, gets a session for it: opening the link alone uses nothing up, for chats open
links to show a preview. The session is for one desktop's live view, for hours, and for no longer
than the token is good.

A session is a cookie and a key. A browser sends the cookie to every port of the host, so whoever
serves another port may have it. The key is kept in the page's storage, which is of one origin; only
the two together are good for anything but the page itself.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from .principal import Principal

CODE = 60.0  # seconds to open a link
FIRST_CODE = 600.0  # seconds to open the one that is printed when the server starts
SESSION = 12 * 3600  # seconds a cookie is good for
HOME = "-"
"""Stands for the home page of all desktops where a path has the name of one."""
_KEPT = 1024


@dataclass(frozen=True, slots=True)
class _Pass:
    grant: Principal
    until: float
    key: bytes = b""
    share: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a browser is given for a code: a cookie, and the key without which it does nothing."""

    cookie: str
    key: str


@dataclass(frozen=True, slots=True)
class Share:
    """A link that a person has made on the live view."""

    id: str
    desktop: str
    scope: str
    until: float
    by: str
    """The session that made it."""
    used: bool = False


class SignInLinks:
    """Codes that wait to be used, and the cookies they were changed for.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._codes: dict[bytes, _Pass] = {}
        self._sessions: dict[bytes, _Pass] = {}
        self._shares: dict[str, Share] = {}

    def code(self, grant: Principal, desktop: str, seconds: float = CODE) -> str:
        """A code to open the live view of a desktop, or of all, with what a grant allows."""
        limited = grant if desktop == HOME else replace(grant, desktops=frozenset({desktop}))
        code = secrets.token_urlsafe(32)
        self._keep(self._codes, code, _Pass(limited.within(grant), self._clock() + seconds))
        return code

    def good(self, code: str, desktop: str) -> bool:
        """Whether a code could be exchanged now."""
        found = self._codes.get(_key(code))
        return bool(found and self._clock() < found.until and _reaches(found.grant, desktop))

    def share(self, grant: Principal, share: Share) -> str:
        """A code that is good, and whose session is, until a share ends."""
        limited = replace(grant, desktops=frozenset({share.desktop}), until=share.until)
        code = secrets.token_urlsafe(32)
        self._keep(self._codes, code, _Pass(limited, share.until, share=share.id))
        self._shares[share.id] = share
        return code

    def shares(self, by: str) -> list[Share]:
        """Those that a session has made and that are not over."""
        now = self._clock()
        self._shares = {key: one for key, one in self._shares.items() if now < one.until}
        return [one for one in self._shares.values() if one.by == by]

    def revoke(self, id: str, by: str) -> bool:
        """End a share of a session's own, and whoever came by it; False: there is none."""
        if id not in {one.id for one in self.shares(by)}:
            return False
        del self._shares[id]
        for kept in (self._codes, self._sessions):
            for key in [key for key, one in kept.items() if one.share == id]:
                del kept[key]
        return True

    def shared(self, cookie: str) -> bool:
        """Whether a session came by a share: it may make none itself."""
        found = self._sessions.get(_key(cookie))
        return found is None or bool(found.share)

    def exchange(self, code: str, desktop: str) -> SignIn | None:
        """A session for a code, which is then used up; None: the code is no good."""
        found = self._codes.pop(_key(code), None)
        if found is None or self._clock() >= found.until or not _reaches(found.grant, desktop):
            return None
        if found.share in self._shares:
            self._shares[found.share] = replace(self._shares[found.share], used=True)
        cookie = secrets.token_urlsafe(32)
        key = f"{self.session(cookie)}.{secrets.token_urlsafe(32)}"
        session = _Pass(found.grant, self._clock() + SESSION, _key(key), found.share)
        self._keep(self._sessions, cookie, session)
        return SignIn(cookie, key)

    def grant(self, cookie: str) -> Principal | None:
        """What a cookie allows, or did when its token was last known to be good."""
        found = self._sessions.get(_key(cookie))
        if found is None or self._clock() >= found.until:
            return None
        return replace(found.grant, until=min(found.until, found.grant.until))

    def keyed(self, cookie: str, key: str) -> bool:
        """Whether a key is the one that came with a cookie."""
        found = self._sessions.get(_key(cookie))
        return found is not None and hmac.compare_digest(found.key, _key(key))

    def session(self, cookie: str) -> str:
        """The id of a cookie's session, which tells nothing of the cookie."""
        return _key(_key(cookie).hex()).hex()[:16]

    def _keep(self, kept: dict[bytes, _Pass], word: str, one: _Pass) -> None:
        for key in [key for key, old in kept.items() if self._clock() >= old.until]:
            del kept[key]
        while len(kept) >= _KEPT:
            del kept[next(iter(kept))]
        kept[_key(word)] = one


def _reaches(grant: Principal, desktop: str) -> bool:
    return desktop == HOME or grant.reaches(desktop)


def _key(word: str) -> bytes:
    """What a word is kept by, so that the time a look-up takes says nothing about it."""
    return hashlib.sha256(word.encode()).digest()
