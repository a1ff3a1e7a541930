"""An identity provider as a server is told of it, and what clients are told about it (RFC 9728)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from .principal import SCOPES

METADATA = "/.well-known/oauth-protected-resource"


class BadIssuer(ValueError):
    """An identity provider cannot be used as it was given; its text says why."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Where tokens come from, and whom they are for.

    Args:
        issuer: URL of the identity provider, as its tokens have it.
        audience: URL of this server's MCP endpoint, as its tokens have it.
        keys: File or URL of its public keys (JWKS); empty: where its own metadata says.
    """

    issuer: str
    audience: str
    keys: str = ""

    def __post_init__(self) -> None:
        for url in (self.issuer, self.audience):
            check(url)
        if "://" in self.keys:
            check(self.keys)

    @property
    def metadata(self) -> dict[str, object]:
        """What a client needs to get a token (RFC 9728)."""
        return {
            "resource": self.audience,
            "authorization_servers": [self.issuer],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": "gloveport",
        }

    @property
    def metadata_url(self) -> str:
        """Where clients find it, under the name they know this server by."""
        parts = urlsplit(self.audience)
        return f"{parts.scheme}://{parts.netloc}{METADATA}{parts.path.rstrip('/')}"


def check(url: str) -> None:
    """Refuse what anybody on the way could change."""
    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise BadIssuer(f"{url} does not begin with https:// and a name.")
