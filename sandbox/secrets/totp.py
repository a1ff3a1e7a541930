"""One-time codes of a secret key and the time (RFC 6238), as authenticator apps show them."""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ALGORITHMS = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}
_LEAST = 10  # bytes of a key; sites use 10 to 64, RFC 4226 asks for 16
_DIGITS, _PERIODS = range(6, 11), range(10, 301)


class BadKey(ValueError):
    """What is told of a key is not possible; the text never shows the key."""


@dataclass(frozen=True, slots=True)
class Totp:
    """The codes of one key."""

    key: bytes = field(repr=False)
    digits: int = 6
    period: int = 30
    """Seconds for which a code holds."""
    algorithm: str = "SHA1"

    @classmethod
    def of(cls, told: str, **more: Any) -> "Totp":
        """Read a key as sites show it, in Base32 or as an otpauth:// address.

        Args:
            told: The key or the address.
            more: `digits`, `period` in seconds or `algorithm`, where they differ from the usual.

        Raises:
            BadKey: It is neither, or one of the others is not possible.
        """
        if told.lower().startswith("otpauth:"):
            address = urlsplit(told)
            if address.netloc.lower() != "totp":
                raise BadKey("its otpauth address is not of the kind totp")
            parts = {name: given[-1] for name, given in parse_qs(address.query).items()}
            told = parts.get("secret", "")
            named = {name: parts[name] for name in ("digits", "period") if name in parts}
            if not all(re.fullmatch("[0-9]{1,3}", value) for value in named.values()):
                raise BadKey("digits or period in its otpauth address is no number")
            more = {
                **{name: int(value) for name, value in named.items()},
                **({"algorithm": parts["algorithm"]} if "algorithm" in parts else {}),
                **more,
            }
        made = cls(_key(told), **more)
        if type(made.digits) is not int or made.digits not in _DIGITS:
            raise BadKey("digits must be 6 to 10")
        if type(made.period) is not int or made.period not in _PERIODS:
            raise BadKey("period must be 10 to 300 seconds")
        if made.algorithm not in _ALGORITHMS:
            raise BadKey(f"algorithm must be one of {', '.join(_ALGORITHMS)}")
        return made

    def code(self, seconds: float) -> str:
        """The code at a time, in seconds since 1970."""
        count = int(seconds // self.period).to_bytes(8, "big")
        digest = hmac.digest(self.key, count, _ALGORITHMS[self.algorithm])
        at = digest[-1] & 15  # RFC 4226, 5.3
        number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
        return str(number % 10**self.digits).zfill(self.digits)


def _key(told: str) -> bytes:
    letters = re.sub(r"[\s-]", "", told).rstrip("=").upper()
    try:
        key = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        raise BadKey("its key is not Base32: letters A to Z and digits 2 to 7") from None
    if len(key) < _LEAST:
        raise BadKey(f"its key is shorter than {_LEAST} bytes")
    return key
