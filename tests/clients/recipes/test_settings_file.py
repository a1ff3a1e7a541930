"""An entry goes into a settings file and out of it, and nothing else of the file changes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gloveport.clients.recipes.settings_file import NotWritten, put, take

ENTRY = {"command": "/opt/gloveport", "args": ["stdio"]}

ZED = """\
// Zed settings
{
    /* colours */ "theme": "One", // "quoted" remark
    "context_servers": {
        // mine
        "files": {"command": "f", "args": ["a", "b",],}, // keep
    },
    "tabs": [1, 2,], // last
}
"""
ZED_AFTER = """\
// Zed settings
{
    /* colours */ "theme": "One", // "quoted" remark
    "context_servers": {
        // mine
        "files": {"command": "f", "args": ["a", "b",],}, // keep
        "gloveport": {
            "command": "/opt/gloveport",
            "args": [
                "stdio"
            ]
        }
    },
    "tabs": [1, 2,], // last
}
"""
CODEX = """\
# mine
model = "some"   # a remark

[mcp_servers.files]  # theirs
command = 'f'

[projects."/home/me"]
trust_level = "trusted"
"""
GOOSE = """\
# mine
GOOSE_MODE: smart_approve
extensions:
  developer:   # theirs
    enabled: true
    name: developer
    args: ["a", 'b']
last: "yes"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def written(path: Path, text: str, under: str = "mcpServers", **entry: Any) -> str:
    """What a file says once our entry is in."""
    path.write_text(text)
    put(path, under, "gloveport", entry or ENTRY)
    return path.read_bytes().decode()


def test_json_with_comments_keeps_every_character(file: Path) -> None:
    assert written(file, ZED, "context_servers") == ZED_AFTER


def test_toml_keeps_every_line(tmp_path: Path) -> None:
    after = written(tmp_path / "config.toml", CODEX, "mcp_servers")
    assert [line for line in CODEX.splitlines() if line not in after.splitlines()] == []
    assert tomllib.loads(after)["mcp_servers"] == {"files": {"command": "f"}, "gloveport": ENTRY}


def test_yaml_keeps_every_line(tmp_path: Path) -> None:
    after = written(tmp_path / "config.yaml", GOOSE, "extensions")
    assert [line for line in GOOSE.splitlines() if line not in after.splitlines()] == []
    said = YAML(typ="safe").load(after)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] # half typed
    assert said["extensions"]["gloveport"] == ENTRY


@pytest.mark.parametrize(
    ("name", "under", "text"),
    [
        ("s.json", "context_servers", ZED),
        ("c.toml", "mcp_servers", CODEX),
        ("c.yaml", "extensions", GOOSE),
    ],
)
def test_what_was_put_in_and_taken_out_leaves_the_file_as_it_was(
    tmp_path: Path, name: str, under: str, text: str
) -> None:
    file = tmp_path / name
    written(file, text, under)
    done = take(file, under, "gloveport")
    assert done.changes == (f"took {under}.gloveport out",)
    assert done.backup
    text = text.replace("],}, // keep", "],} // keep")  # the comma that nothing follows goes, too
    assert [line for line in file.read_text().splitlines() if line] == [
        line for line in text.splitlines() if line
    ]
    assert take(file, under, "gloveport").changes == ()
    assert take(tmp_path / f"missing-{name}", under, "gloveport").changes == ()


@pytest.mark.parametrize(
    "text",
    ['{"s": {"gloveport": {}, "b": 1}}', '{"s": {"a": "\\\\", "gloveport": {}}}',
     '{"s": {"a": 1, /* , */ "gloveport": {} /* , */, "b": ","}}', '{"s": {"gloveport": {},},}',
     '{"s": {\n  "a": 1, // mine\n  "gloveport": [\n  ] // gone\n}}',
     '{"s": {"gloveport": 1, "gloveport": 2}}'],
)  # fmt: skip
def test_an_entry_is_taken_out_of_json_of_any_form_or_left(file: Path, text: str) -> None:
    file.write_text(text)
    if text.count('"gloveport"') > 1:
        with pytest.raises(NotWritten, match="by hand"):
            take(file, "s", "gloveport")
        assert file.read_text() == text
    else:
        take(file, "s", "gloveport")
        assert "gloveport" not in file.read_text()
        assert ("// mine" in text) == ("// mine" in file.read_text())


@pytest.mark.parametrize("name", ["settings.json", "config.toml", "config.yaml"])
def test_a_file_that_is_missing_is_made(tmp_path: Path, name: str) -> None:
    done = put(tmp_path / "new" / name, "mcpServers", "gloveport", ENTRY)
    assert done.changes == ("added mcpServers.gloveport",)
    assert done.backup is None
    assert put(tmp_path / "new" / name, "mcpServers", "gloveport", ENTRY).changes == ()


@pytest.mark.parametrize(
    "text",
    ["", "\n", "// nothing\n", "{}", '{"a": 1}', '{"mcpServers": {}}', '{"mcpServers": null}',
     '{\r\n\t"a": 1 // x\r\n}\r\n', '\ufeff{"a": "//", "b": "\\"/*"}', '{"mcpServers": {/* x */}}',
     '{"mcpServers": {"a": {}}, "mcpServers": {"b": {}}}', '{"a": [1, {"mcpServers": 3}],}'],
)  # fmt: skip
def test_json_of_any_form_takes_the_entry(file: Path, text: str) -> None:
    after = written(file, text)
    assert '"gloveport"' in after
    assert all(part in after for part in ("// x", "/* x */", "// nothing") if part in text)
    assert ("\r\n" in text) == ("\r\n" in after)
    assert put(file, "mcpServers", "gloveport", ENTRY).changes == ()


@pytest.mark.parametrize("name", ["settings.json", "config.toml", "config.yaml"])
def test_an_entry_that_is_there_keeps_its_other_keys(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    put(file, "mcpServers", "gloveport", {**ENTRY, "env": {"A": "b"}})
    before = file.read_bytes()
    done = put(file, "mcpServers", "gloveport", {**ENTRY, "args": ["stdio", "--url", "u"]})
    assert done.changes == ('mcpServers.gloveport.args = ["stdio", "--url", "u"], was ["stdio"]',)
    assert b"env" in file.read_bytes()
    assert done.backup
    assert done.backup.read_bytes() == before


def test_every_backup_stays(file: Path) -> None:
    file.write_text("{}")
    for args in (["one"], ["two"], ["two"], ["three"]):
        put(file, "mcpServers", "gloveport", {"args": args})
    kept = sorted(path.name for path in file.parent.iterdir())
    assert kept == ["settings.json", *(f"settings.json.backup-{number}" for number in (1, 2, 3))]
    assert (file.parent / "settings.json.backup-1").read_text() == "{}"


def test_the_mode_and_a_link_stay(file: Path) -> None:
    real = file.with_name("dotfile.json")
    real.write_text("{}")
    real.chmod(0o640)
    file.symlink_to(real)
    assert put(file, "mcpServers", "gloveport", ENTRY).path == real
    assert file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert json.loads(real.read_text()) == {"mcpServers": {"gloveport": ENTRY}}


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("settings.json", '{"a": ', "cannot be read"),
        ("settings.json", "[1]", "it holds no object"),
        ("settings.json", "[" * 100_000, "it is nested too deeply"),
        ("settings.json", '{"mcpServers": [1]}', "its mcpServers holds no entries but [1]"),
        ("settings.json", '{"mcpServers": {"gloveport": 3}}', "its mcpServers.gloveport is 3"),
        ("settings.json", '{"mcpServers": {"gloveport": {"url": "u"}}}', "reached by url"),
        ("config.toml", "a = \n", "cannot be read"),
        ("config.yaml", "a: [\n", "cannot be read"),
        ("config.yaml", "- a\n", "it holds no object"),
    ],
)
def test_a_file_of_another_sense_is_left_as_it_is(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(NotWritten) as said:
        put(file, "mcpServers", "gloveport", ENTRY)
    assert f"{file} was left as it is" in str(said.value)
    assert why in str(said.value)
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_of_other_bytes_is_left_as_it_is(file: Path) -> None:
    file.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(NotWritten, match="is not UTF-8 text"):
        put(file, "mcpServers", "gloveport", ENTRY)
    assert file.read_bytes() == b'{"a": "\xff"}'


keys = st.text(max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(keys, values, max_size=4),
    st.dictionaries(keys, values, max_size=3),
    st.sampled_from([None, 1, 4, "\t"]),
)
def test_whatever_json_says_it_says_after(
    file: Path, rest: dict[str, Any], servers: dict[str, Any], indent: Any
) -> None:
    old: dict[str, Any] = {**rest, "mcpServers": servers}
    after = json.loads(written(file, json.dumps(old, indent=indent)))
    assert after == {**old, "mcpServers": {**servers, "gloveport": ENTRY}}
    take(file, "mcpServers", "gloveport")
    assert json.loads(file.read_text()) == {
        **old, "mcpServers": {key: one for key, one in servers.items() if key != "gloveport"}
    }  # fmt: skip
