"""Tokens of an identity provider: this server as an OAuth 2.1 resource server.

The provider signs who somebody is and what they may do (a JWT); we check the signature against the
keys it publishes, and that the token is of this issuer, for this server, and of now. We never see a
password and hand out no tokens.

Rule 1: the algorithm is one of a fixed list, all with a public key, and fits the key's own.
Rule 2: keys are fetched when a token names one we do not have, or after an hour, but a few times a
    minute at most, and not again for a name that was not found just now: strangers can make a token
    with any name in it.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx2
import jwt

from .identity_provider import BadIssuer, IdentityProvider, check
from .principal import SCOPES, Principal, including
from .rate_limit import RateLimit
from .token_store import BadToken

logger = logging.getLogger(__name__)

_ALGORITHMS = {
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}  # fmt: skip
_LEEWAY = 30  # seconds two clocks may differ
_FRESH = 3600.0  # seconds keys are taken to be what the issuer has
_MISSED = 30.0  # seconds a key that was not found is not looked for again
_LARGEST = 1 << 20  # bytes of a document
_PATIENCE = 5.0  # seconds


class OAuth:
    """Checks the tokens of an identity provider.

    Args:
        provider: Which.
        clock: Seconds, from anywhere, for the age of keys.
    """

    def __init__(
        self, provider: IdentityProvider, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.provider = provider
        self._keys = _Keys(provider, clock)

    async def grant(self, shown: str) -> Principal | None:
        """What a token is good for; None if it is no JWT.

        Raises:
            BadToken: It is not one of the provider's for this server, or not of now.
        """
        try:
            header = jwt.get_unverified_header(shown)
        except jwt.InvalidTokenError:
            return None
        algorithm, name = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
            raise BadToken("This token is not signed in a way that this server takes.")
        key = await self._keys.find(name if isinstance(name, str) else "", algorithm)
        if key is None:
            raise BadToken("This token is signed with a key that its issuer does not have.")
        try:
            claims: dict[str, Any] = jwt.decode(
                shown,
                key,
                algorithms=[algorithm],
                issuer=self.provider.issuer,
                audience=self.provider.audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise BadToken("This token has expired; get another.") from None
        except jwt.InvalidAudienceError:
            raise BadToken("This token is for another server.") from None
        except (jwt.InvalidTokenError, jwt.InvalidKeyError) as why:
            raise BadToken(f"This token does not hold: {why}.") from None
        return _granted(claims)

    def still(self, grant: Principal) -> Principal | None:
        """What somebody who came in by a token may do now: the same, until it expires."""
        return grant if grant.holder.startswith("oauth ") and not grant.over else None


class _Keys:
    """The public keys of a provider, as far as we know them."""

    def __init__(self, provider: IdentityProvider, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._clock = clock
        self._known: list[Mapping[str, Any]] = []
        self._at = -math.inf
        self._missed: dict[str, float] = {}
        self._pace = RateLimit(rate=0.1, burst=4, clock=clock)
        self._fetching = anyio.Lock()

    async def find(self, name: str, algorithm: str) -> jwt.PyJWK | None:
        """The key of a name, or the only one there is if a token names none."""
        key = self._pick(name, algorithm)
        if key is not None and self._clock() - self._at < _FRESH:
            return key
        async with self._fetching:  # several wait for one
            key = self._pick(name, algorithm)
            now = self._clock()
            missed = now - self._missed.get(name, -math.inf) < _MISSED
            if (key is None and missed) or (key and now - self._at < _FRESH):
                return key
            if not self._pace.take("keys"):
                await self._fetch()
                key = self._pick(name, algorithm)
            if key is None:
                self._missed = {
                    one: at for one, at in self._missed.items() if now - at < _MISSED
                } | {name[:200]: now}
            return key

    def _pick(self, name: str, algorithm: str) -> jwt.PyJWK | None:
        fitting = [key for key in self._known if not name or key.get("kid") == name]
        if len(fitting) != 1:
            return None
        try:
            return jwt.PyJWK({**fitting[0]}, str(fitting[0].get("alg") or algorithm))
        except (jwt.PyJWKError, jwt.InvalidKeyError):  # not of the kind the algorithm is for
            return None

    async def _fetch(self) -> None:
        """Get the keys anew; those of before stay where that fails."""
        source = self._provider.keys
        try:
            if source and "://" not in source:
                told = json.loads(await anyio.Path(source).read_bytes())
            else:
                async with httpx2.AsyncClient(timeout=_PATIENCE, trust_env=False) as http:
                    told = await _document(http, source or await self._address(http))
        except (OSError, ValueError, httpx2.HTTPError) as why:
            logger.error("no keys from %s: %s", source or self._provider.issuer, why)
            return
        keys = cast(dict[str, Any], told).get("keys") if isinstance(told, dict) else None
        if not isinstance(keys, list):
            logger.error("no keys from %s: that is no JWKS", source or self._provider.issuer)
            return
        self._known = [
            cast(dict[str, Any], key)
            for key in cast(list[object], keys)
            if isinstance(key, dict) and cast(dict[str, Any], key).get("use", "sig") == "sig"
        ]
        self._at = self._clock()

    async def _address(self, http: httpx2.AsyncClient) -> str:
        """Where the provider says its keys are (RFC 8414, else OpenID Connect)."""
        issuer = self._provider.issuer
        parts = urlsplit(issuer)
        root, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        for url in (
            f"{root}/.well-known/oauth-authorization-server{path}",
            f"{root}{path}/.well-known/openid-configuration",
        ):
            try:
                told = await _document(http, url)
            except (ValueError, httpx2.HTTPStatusError):
                continue
            address = told.get("jwks_uri")
            if told.get("issuer") == issuer and isinstance(address, str):
                check(address)
                return address
        raise BadIssuer(f"{issuer} does not say where its keys are; give --oauth-jwks.")


async def _document(http: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """A JSON object from somewhere, if it is one and not too long."""
    read = b""
    async with http.stream("GET", url) as answer:
        answer.raise_for_status()
        async for part in answer.aiter_bytes():
            read += part
            if len(read) > _LARGEST:
                raise ValueError(f"{url} is longer than {_LARGEST >> 20} MB")
    told = json.loads(read)
    if not isinstance(told, dict):
        raise ValueError(f"{url} is no JSON object")
    return cast(dict[str, Any], told)


def _granted(claims: Mapping[str, Any]) -> Principal:
    client = claims.get("client_id", claims.get("azp", ""))
    named = claims.get("name", claims.get("preferred_username", claims["sub"]))
    said = [*_words(claims.get("scope")), *_words(claims.get("scp"))]
    scopes = {word.removeprefix("gloveport:") for word in said}
    return Principal(
        name=str(named)[:64],
        holder=f"oauth {json.dumps([claims['iss'], client, claims['sub']])}",
        scopes=including(scope for scope in SCOPES if scope in scopes),
        until=float(claims["exp"]) + _LEEWAY,
    )


def _words(claim: object) -> list[str]:
    """The scopes in a claim, which providers write as a text or as a list."""
    if isinstance(claim, str):
        return claim.split()
    if isinstance(claim, list):
        return [str(word) for word in cast(list[object], claim)]
    return []
