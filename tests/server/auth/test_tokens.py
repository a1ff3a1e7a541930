"""Tokens in a file, and the command that makes them."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.server.auth.principal import SCOPES, Principal, Scope, including
from gloveport.server.auth.rate_limit import RateLimit
from gloveport.server.auth.token_store import (
    BadToken,
    BadTokens,
    TokenFile,
    add,
    plain,
    remove,
    table,
)

HASH = f"sha256:{'ab' * 32}"


def write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def gloveport(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a home of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gloveport.server.cli", *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=30,
    )


async def test_a_token_is_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "made" / "tokens.toml"
    token = add(path, "ada", {"scopes": ["view"], "quota": 2})
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    grant = await TokenFile(path, table).grant(token)
    assert grant
    assert (grant.name, grant.scopes, grant.quota) == ("ada", {"view"}, 2)
    assert await TokenFile(path, table).grant(token[:-1]) is None


async def test_an_expired_token_says_so(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    token = add(path, "ada", {"scopes": ["view"], "expires": datetime.now(UTC)})
    with pytest.raises(BadToken, match=r"This token has expired; ask for another\."):
        await TokenFile(path, table).grant(token)


async def test_a_broken_edit_leaves_the_tokens_of_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tokens.toml"
    token = add(path, "ada", {"scopes": ["view"]})
    tokens = TokenFile(path, table)
    assert await tokens.grant(token)
    good = path.read_text()
    path.write_text(good + "\n[bob\n")
    assert await tokens.grant(token)
    assert await tokens.grant(token)
    (said,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert said.startswith(f"{path} is not TOML: ")
    assert said.endswith("The tokens of before stay in force.")
    path.write_text(good)
    path.chmod(0o644)
    assert await tokens.grant(token)
    assert f"Others may read {path}; run: chmod 600 {path}" in caplog.text
    path.unlink()
    assert await tokens.grant(token) is None


async def test_a_token_of_the_same_name_later_is_another(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    tokens = TokenFile(path, table)
    first = await tokens.grant(add(path, "ada", {"scopes": ["view"]}))
    assert first
    assert tokens.still(first) == first
    remove(path, "ada")
    add(path, "ada", {"scopes": ["view"]})
    assert tokens.still(first) is None


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    mine = f'# mine\n["bob"]  # quoted\nhash = "{HASH}"\nscopes = ["view"]'
    write(path, mine)
    add(path, "ada", {"scopes": ["view"]})
    add(path, "eve", {"scopes": ["admin"], "desktops": ["a", "b"]})
    remove(path, "ada")
    assert path.read_text().startswith(mine)
    assert [entry.grant.name for entry in table(path)] == ["bob", "eve"]
    with pytest.raises(BadTokens, match=r"bob is not written as \[bob\] in .*; take it out"):
        remove(path, "bob")
    with pytest.raises(BadTokens, match=r"has no token ada; there are bob, eve\."):
        remove(path, "ada")
    with pytest.raises(BadTokens, match="has a token eve already; remove it first"):
        add(path, "eve", {"scopes": ["view"]})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ada = 1", "ada in .* is not a table"),
        ("[ada]", 'hash of the token ada in .* is not a text such as "sha256:'),
        (f'[ada]\nhash = "{HASH}"', "scopes of the token ada in .* is not a list of some of view"),
        (f'[ada]\nhash = "{HASH}"\nscopes = ["all"]', "scopes of the token ada"),
        (f'[ada]\nhash = "{HASH}"\nscopes = ["view"]\nexpires = 3', "expires of the token ada"),
        (f'[ada]\nhash = "{HASH}"\nscopes = ["view"]\nquota = true', "quota of the token ada"),
        (f'[ada]\nhash = "{HASH}"\nscopes = ["view"]\ndesktops = [1]', "desktops of the token ada"),
        (f'[ada]\nhash = "{HASH}"\nscopes = ["view"]\nscope = 1', "scope of the token ada"),
        (f'["a b"]\nhash = "{HASH}"\nscopes = ["view"]', "'a b' is no name of a token"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, why: str) -> None:
    write(tmp_path / "tokens.toml", text)
    with pytest.raises(BadTokens, match=why):
        table(tmp_path / "tokens.toml")


def test_a_token_chosen_by_hand_has_sixteen_characters(tmp_path: Path) -> None:
    write(tmp_path / "token", "fifteen letters\n")
    with pytest.raises(BadTokens, match="is shorter than 16 characters"):
        plain(tmp_path / "token")


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (["admin"], {*SCOPES}),
        (["control"], {"view", "files", "control"}),
        (["files"], {"view", "files"}),
        (["approve"], {"view", "approve"}),
        (["view"], {"view"}),
        ([], set[str]()),
    ],
)
def test_what_a_scope_includes(given: list[Scope], allowed: set[str]) -> None:
    assert including(given) == allowed


@given(st.sets(st.sampled_from(SCOPES)), st.sets(st.sampled_from(SCOPES)), st.booleans())
def test_a_grant_within_another_allows_no_more_than_either(
    mine: set[str], theirs: set[str], limited: bool
) -> None:
    first = Principal(
        "a", "a", including(one for one in SCOPES if one in mine), frozenset({"x", "y"})
    )
    limits = frozenset({"y", "z"}) if limited else None
    second = Principal("b", "b", including(one for one in SCOPES if one in theirs), limits, until=9)
    both = first.within(second)
    assert both.scopes == first.scopes & second.scopes
    assert [both.reaches(one) for one in "xyz"] == [not limited, True, False]
    assert both.over


def test_a_bucket_fills_again_and_does_not_grow_for_ever() -> None:
    now = [0.0]
    pace = RateLimit(rate=2, burst=3, clock=lambda: now[0])
    assert [pace.take("a") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert pace.take("b") == 0
    now[0] += 0.5
    assert pace.wait("a") == 0
    assert [pace.take("a") for _ in range(2)] == [0, 0.5]
    now[0] += 100
    assert [pace.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    for number in range(10_000):
        pace.take(f"stranger {number}")
    assert pace.take("a") == 0  # forgotten, and so full


def test_the_command_makes_lists_and_removes_tokens(tmp_path: Path) -> None:
    made = gloveport(
        tmp_path,
        "token",
        "add",
        "ada",
        "--scopes",
        "view",
        "--expires",
        "30d",
        "--desktops",
        "main",
    )
    token = made.stdout.strip()
    assert len(token) > 40
    assert "shown this once" in made.stderr
    path = tmp_path / ".config" / "gloveport" / "tokens.toml"
    assert [entry.grant.name for entry in table(path)] == ["ada"]
    (listed,) = gloveport(tmp_path, "token", "list").stdout.splitlines()
    day = datetime.now(UTC) + timedelta(days=30)
    assert listed.split("  ")[0] == "ada"
    assert f"view  until {day:%Y-%m-%d}" in listed
    assert listed.endswith("desktops main")
    assert gloveport(tmp_path, "token", "remove", "ada").returncode == 0
    assert not table(path)
    wrong = gloveport(tmp_path, "token", "add", "bob", "--expires", "soon")
    assert wrong.stderr == ("gloveport: --expires soon: write a time such as 12h, 30d or 8w.\n")
    assert wrong.returncode == 1


def test_a_link_is_printed_at_the_start_and_by_a_command(tmp_path: Path) -> None:
    file = tmp_path / "token"
    serving = subprocess.Popen(
        [
            sys.executable, "-m", "gloveport.server.cli", "serve", "--port", "0", "--walls", "none",
            "--token-file", str(file), "--state-dir", str(tmp_path / "state"),
        ],
        env={"PATH": os.defpath, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert serving.stdout
        lines = iter(serving.stdout.readline, "")
        first = next(line for line in lines if line.startswith("  live ")).split()[1]
        base = first.partition("/live")[0]
        made = gloveport(tmp_path, "live", "--url", base, "--token-file", str(file))
        for link in (first, made.stdout.strip()):
            assert link.startswith(f"{base}/live/main?code=")
            code = {"code": link.partition("code=")[2]}
            for _ in range(2):  # a preview uses nothing up
                assert httpx2.get(link, trust_env=False).status_code == 200
            for wanted in (200, 401):
                entered = httpx2.post(link.partition("?")[0], data=code, trust_env=False)
                assert entered.status_code == wanted
    finally:
        serving.terminate()
        _, said = serving.communicate(timeout=20)
    assert "code=" not in said
    assert file.read_text().strip() not in said


def test_serve_does_not_start_with_a_file_of_tokens_it_cannot_use(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    here = ("--state-dir", str(tmp_path / "state"))
    said = gloveport(tmp_path, "serve", "--tokens", str(missing), *here)
    assert said.stderr == (
        f"gloveport: {missing} cannot be read: No such file or directory. "
        "`gloveport token add NAME` makes it.\n"
    )
    write(missing, "[ada]")
    assert (
        "hash of the token ada"
        in gloveport(tmp_path, "serve", "--tokens", str(missing), *here).stderr
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to others")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "tokens.toml", "")
    os.chown(tmp_path / "tokens.toml", 12345, -1)
    with pytest.raises(BadTokens, match="belongs to somebody else"):
        table(tmp_path / "tokens.toml")
