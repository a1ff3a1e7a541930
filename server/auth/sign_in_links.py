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
_KEPT = 1024


@dataclass(frozen=True, slots=True)
class _Pass:
    grant: Principal
    until: float
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a browser is given for a code: a cookie, and the key without which it does nothing."""

    cookie: str
    key: str


class SignInLinks:
    """Codes that wait to be used, and the cookies they were changed for.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._codes: dict[bytes, _Pass] = {}
        self._sessions: dict[bytes, _Pass] = {}

    def code(self, grant: Principal, desktop: str, seconds: float = CODE) -> str:
        """A code to open the live view of a desktop with what a grant allows."""
        limited = replace(grant, desktops=frozenset({desktop}))
        code = secrets.token_urlsafe(32)
        self._keep(self._codes, code, _Pass(limited.within(grant), self._clock() + seconds))
        return code

    def good(self, code: str, desktop: str) -> bool:
        """Whether a code could be exchanged now."""
        found = self._codes.get(_key(code))
        return bool(found and self._clock() < found.until and found.grant.reaches(desktop))

    def exchange(self, code: str, desktop: str) -> SignIn | None:
        """A session for a code, which is then used up; None: the code is no good."""
        found = self._codes.pop(_key(code), None)
        if found is None or self._clock() >= found.until or not found.grant.reaches(desktop):
            return None
        cookie = secrets.token_urlsafe(32)
        key = f"{self.session(cookie)}.{secrets.token_urlsafe(32)}"
        session = _Pass(found.grant, self._clock() + SESSION, _key(key))
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


def _key(word: str) -> bytes:
    """What a word is kept by, so that the time a look-up takes says nothing about it."""
    return hashlib.sha256(word.encode()).digest()
