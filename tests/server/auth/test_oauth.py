"""Tokens of an identity provider: a scripted one on loopback, with keys of its own."""

import base64
import hmac
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from answers import call, facts
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from web import LOCAL, bearer, listening, served

from gloveport.sandbox.desktop import Desktop
from gloveport.server.auth.identity_provider import BadIssuer, IdentityProvider
from gloveport.server.auth.middleware import Door
from gloveport.server.auth.oauth import OAuth
from gloveport.server.auth.principal import SCOPES
from gloveport.server.auth.token_store import BadToken

AUDIENCE = "https://box.example/mcp"
RSA, OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC = ec.generate_private_key(ec.SECP256R1())


def jwk(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": name, "use": "sig"}
    return {**ECAlgorithm.to_jwk(public, as_dict=True), "kid": name, "alg": "ES256"}


@dataclass
class Issuer:
    """An identity provider as a script: publishes keys, and signs what it is told."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    fetched: int = 0
    away: bool = False

    def token(
        self, key: Any = RSA, name: str | None = "r1", algorithm: str = "RS256", **claims: Any
    ) -> str:
        said: Mapping[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "u1",
            "scope": "openid control",
            "exp": time.time() + 60,
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(dict(said), key, algorithm, {"kid": name} if name else {})

    async def metadata(self, request: Request) -> Response:
        return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def jwks(self, request: Request) -> Response:
        self.fetched += 1
        return JSONResponse({"keys": self.keys}, 503 if self.away else 200)


@pytest.fixture
async def issuer(anyio_backend: str) -> AsyncGenerator[Issuer]:
    issuer = Issuer(keys=[jwk(RSA, "r1"), jwk(EC, "e1")])
    routes = [
        Route("/tenant/.well-known/openid-configuration", issuer.metadata),
        Route("/tenant/keys", issuer.jwks),
    ]
    async with listening(Starlette(routes=routes)) as url:
        issuer.url = f"{url}/tenant"
        yield issuer


@pytest.fixture
def oauth(issuer: Issuer) -> OAuth:
    return OAuth(IdentityProvider(issuer.url, AUDIENCE))


@asynccontextmanager
async def person(url: str, token: str) -> AsyncGenerator[Client]:
    async with (
        httpx2.AsyncClient(headers=bearer(token), trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


async def test_a_person_comes_in_with_a_token_of_the_provider(
    desktop: Desktop, issuer: Issuer, oauth: OAuth
) -> None:
    async with served(desktop, Door(LOCAL.hosts, [oauth])) as url:
        async with person(url, issuer.token()) as client:
            assert facts(await call(client, "left_click", coordinate=[1, 1]))["ok"]
        async with person(url, issuer.token(scope="view")) as client:
            assert "left_click" not in [tool.name for tool in (await client.list_tools()).tools]


async def test_who_has_no_token_is_told_where_to_get_one(
    desktop: Desktop, issuer: Issuer, oauth: OAuth
) -> None:
    told = "https://box.example/.well-known/oauth-protected-resource/mcp"
    async with (
        served(desktop, Door(LOCAL.hosts, [oauth])) as url,
        httpx2.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        refused = await http.post("/mcp", json={})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == (
            f'Bearer scope="view control", resource_metadata="{told}"'
        )
        for path in ("", "/mcp"):
            answer = await http.get(f"/.well-known/oauth-protected-resource{path}")
            assert answer.json()["resource"] == AUDIENCE
            assert answer.json()["authorization_servers"] == [issuer.url]
        wrong = await http.post("/mcp", json={}, headers=bearer(issuer.token(exp=1)))
        assert wrong.status_code == 401
        assert wrong.headers["www-authenticate"].startswith('Bearer error="invalid_token", ')
        assert wrong.text == "This token has expired; get another."
        little = await http.post("/mcp", json={}, headers=bearer(issuer.token(scope="openid")))
        assert little.status_code == 403
        assert 'error="insufficient_scope"' in little.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "view"}, {"view"}),
        ({"scope": "gloveport:admin openid"}, {*SCOPES}),
        ({"scope": None, "scp": ["control"]}, {"view", "files", "control"}),
        ({"scope": None}, set[str]()),
        ({"scope": ["view", 7]}, {"view"}),
        ({"aud": ["https://else.example", AUDIENCE]}, {"view", "files", "control"}),
    ],
)
async def test_scopes_are_read_as_providers_write_them(
    issuer: Issuer, oauth: OAuth, claims: dict[str, Any], scopes: set[str]
) -> None:
    grant = await oauth.grant(issuer.token(**claims))
    assert grant
    assert grant.scopes == scopes


@pytest.mark.parametrize("key", [(RSA, "r1", "RS256"), (RSA, "r1", "PS512"), (EC, "e1", "ES256")])
async def test_keys_of_both_kinds_are_taken(
    issuer: Issuer, oauth: OAuth, key: tuple[Any, str, str]
) -> None:
    assert await oauth.grant(issuer.token(*key))


PUBLIC = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def unsigned(issuer: Issuer) -> str:
    return issuer.token("", None, "none")


def by_public_key(issuer: Issuer) -> str:
    """Signed with what everybody knows, as if it were a secret shared."""
    claims = issuer.token().split(".")[1]
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"r1"}').decode().rstrip("=")
    signed = hmac.digest(PUBLIC, f"{head}.{claims}".encode(), "sha256")
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signed).decode().rstrip('=')}"


def tampered(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{issuer.token(scope='admin').split('.')[1]}.{signature}"


NO_HOLD: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "none": (unsigned, "is not signed in a way that this server takes"),
    "hs256": (by_public_key, "is not signed in a way that this server takes"),
    "tampered": (tampered, "Signature verification failed"),
    "other key": (lambda issuer: issuer.token(OTHER), "Signature verification failed"),
    "other kind": (lambda issuer: issuer.token(EC, "r1", "ES256"), "a key that its issuer does"),
    "other algorithm": (lambda issuer: issuer.token(RSA, "e1", "RS256"), "algorithm"),
    "no kid of two": (lambda issuer: issuer.token(RSA, None), "a key that its issuer does not"),
    "aud": (lambda issuer: issuer.token(aud="https://else.example"), "is for another server"),
    "no aud": (lambda issuer: issuer.token(aud=None), "does not hold"),
    "iss": (lambda issuer: issuer.token(iss="https://else.example"), "does not hold"),
    "exp": (lambda issuer: issuer.token(exp=time.time() - 60), "has expired"),
    "no exp": (lambda issuer: issuer.token(exp=None), "does not hold"),
    "nbf": (lambda issuer: issuer.token(nbf=time.time() + 600), "does not hold"),
    "no sub": (lambda issuer: issuer.token(sub=None), "does not hold"),
}


@pytest.mark.parametrize(("make", "why"), NO_HOLD.values(), ids=NO_HOLD.keys())
async def test_a_token_that_does_not_hold_is_refused(
    issuer: Issuer, oauth: OAuth, make: Callable[[Issuer], str], why: str
) -> None:
    with pytest.raises(BadToken, match=why):
        await oauth.grant(make(issuer))


async def test_what_is_no_jwt_is_anothers(oauth: OAuth, issuer: Issuer) -> None:
    assert await oauth.grant("gp_whatever") is None
    assert issuer.fetched == 0


async def test_keys_are_fetched_once_and_again_when_they_change(
    issuer: Issuer, oauth: OAuth
) -> None:
    for _ in range(3):
        assert await oauth.grant(issuer.token())
    assert issuer.fetched == 1
    issuer.keys = [jwk(OTHER, "r2")]
    assert await oauth.grant(issuer.token(OTHER, "r2"))
    assert issuer.fetched == 2
    with pytest.raises(BadToken):
        await oauth.grant(issuer.token())


async def test_made_up_keys_do_not_make_the_server_ask_all_the_time(issuer: Issuer) -> None:
    now = [0.0]
    oauth = OAuth(IdentityProvider(issuer.url, AUDIENCE), lambda: now[0])
    for _ in range(5):
        with pytest.raises(BadToken):
            await oauth.grant(issuer.token(name="made up"))
    assert issuer.fetched == 1
    for number in range(20):
        with pytest.raises(BadToken):
            await oauth.grant(issuer.token(name=f"made up {number}"))
    assert issuer.fetched == 4
    assert await oauth.grant(issuer.token())  # known, and not asked for
    now[0] += 11
    issuer.keys = [jwk(OTHER, "r2")]
    assert await oauth.grant(issuer.token(OTHER, "r2"))


async def test_keys_that_the_issuer_has_taken_back_are_good_for_an_hour(issuer: Issuer) -> None:
    now = [0.0]
    oauth = OAuth(IdentityProvider(issuer.url, AUDIENCE), lambda: now[0])
    assert await oauth.grant(issuer.token())
    issuer.keys = [jwk(EC, "e1")]
    now[0] += 3590
    assert await oauth.grant(issuer.token())
    now[0] += 20
    with pytest.raises(BadToken):
        await oauth.grant(issuer.token())


async def test_an_issuer_that_is_away_leaves_the_keys_of_before(issuer: Issuer) -> None:
    now = [0.0]
    oauth = OAuth(IdentityProvider(issuer.url, AUDIENCE), lambda: now[0])
    assert await oauth.grant(issuer.token())
    issuer.away = True
    now[0] += 4000
    assert await oauth.grant(issuer.token())


async def test_keys_may_be_in_a_file(issuer: Issuer, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [jwk(RSA, "r1")]}))
    oauth = OAuth(IdentityProvider(issuer.url, AUDIENCE, str(file)))
    assert await oauth.grant(issuer.token())
    assert await oauth.grant(issuer.token(name=None))  # there is but one
    file.write_text(json.dumps({"keys": [jwk(OTHER, "r2")]}))
    assert await oauth.grant(issuer.token(OTHER, "r2"))
    assert issuer.fetched == 0


def test_a_provider_is_reached_in_a_way_that_nobody_can_change() -> None:
    for url in ("http://issuer.example", "issuer.example", "https://"):
        with pytest.raises(BadIssuer, match="does not begin with https:// and a name"):
            IdentityProvider(url, AUDIENCE)
