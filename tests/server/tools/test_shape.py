"""The tools as clients see them: schemas every one of them accepts, within a budget."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from mcp import Client
from mcp_types import Tool

MEMBERS = {
    "screenshot", "zoom", "left_click", "right_click", "middle_click", "double_click",
    "triple_click", "left_click_drag", "left_mouse_down", "left_mouse_up", "mouse_move",
    "cursor_position", "scroll", "type", "key", "hold_key", "wait",
}  # fmt: skip
LOOKING = {
    "screenshot", "zoom", "read_screen", "find", "cursor_position", "wait_for", "show_desktop",
}  # fmt: skip
LISTED = """
import anyio
from pathlib import Path
from mcp import Client
from gloveport.sandbox.desktop import Desktop, DesktopOptions
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

async def listed():
    async with Client(DesktopServer(Desktop(DesktopOptions(Path("unused")), Keymap()))) as client:
        print((await client.list_tools()).model_dump_json(by_alias=True, exclude_none=True))

anyio.run(listed)
"""
BUDGET = 5000  # tokens, at four characters each


@pytest.fixture
async def tools(client: Client) -> list[Tool]:
    return (await client.list_tools()).tools


def walk(schema: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if isinstance(schema, dict):
        found.append(schema)  # type: ignore[arg-type] # JSON
        for value in schema.values():  # type: ignore[var-annotated]
            found += walk(value)
    elif isinstance(schema, list):
        for value in schema:  # type: ignore[var-annotated]
            found += walk(value)
    return found


async def test_all_members_of_anthropic_s_toolset_are_there(tools: list[Tool]) -> None:
    assert {tool.name for tool in tools} >= MEMBERS


async def test_the_schemas_fit_the_budget(tools: list[Tool]) -> None:
    listed = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in tools]
    sent = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    assert len(sent) / 4 <= BUDGET


async def test_clients_are_told_what_destroys_nothing(tools: list[Tool]) -> None:
    told = {
        one.name for one in tools if one.annotations and one.annotations.destructive_hint is False
    }
    assert told == {"mouse_move", "scroll", "wait", "checkpoint"}


def test_the_list_is_the_same_to_the_byte_in_every_process() -> None:
    """Models' caches of prompts begin with it."""
    command = [sys.executable, "-P", "-c", LISTED]
    listed = {
        subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "123"
    }
    assert len(listed) == 1
    assert "read_screen" in listed.pop()


async def test_every_tool_and_parameter_is_described(tools: list[Tool]) -> None:
    for tool in tools:
        assert tool.description, tool.name
        for name, parameter in tool.input_schema["properties"].items():
            assert parameter.get("description"), f"{tool.name}.{name}"


async def test_names_fit_every_client(tools: list[Tool]) -> None:
    assert all(re.fullmatch("[a-z_]{1,32}", tool.name) for tool in tools)


async def test_unknown_arguments_are_refused_by_schema(tools: list[Tool]) -> None:
    assert all(tool.input_schema["additionalProperties"] is False for tool in tools)


async def test_schemas_use_only_what_every_client_reads(tools: list[Tool]) -> None:
    for tool in tools:
        for schema in walk(tool.input_schema):
            assert not {"anyOf", "oneOf", "allOf", "prefixItems", "$ref", "$defs"} & set(schema)


async def test_limits_are_named_as_json_schema_names_them(tools: list[Tool]) -> None:
    (find,) = [tool for tool in tools if tool.name == "find"]
    limit = find.input_schema["properties"]["limit"]
    assert (limit["minimum"], limit["maximum"]) == (1, 50)
    for tool in tools:
        for schema in walk(tool.input_schema):
            assert not {"ge", "le", "gt", "lt"} & set(schema)


async def test_optional_parameters_may_be_null(tools: list[Tool]) -> None:
    for tool in tools:
        required = tool.input_schema.get("required", [])
        for name, parameter in tool.input_schema["properties"].items():
            assert (parameter.get("nullable") is True) is (name not in required), name


async def test_a_default_is_valid_by_its_own_schema(tools: list[Tool]) -> None:
    for tool in tools:
        for parameter in tool.input_schema["properties"].values():
            if parameter["type"] == "array" and "default" in parameter:
                assert len(parameter["default"]) >= parameter.get("minItems", 0)


async def test_no_tool_has_an_output_schema(tools: list[Tool]) -> None:
    assert all(tool.output_schema is None for tool in tools)


async def test_tools_that_only_look_say_so(tools: list[Tool]) -> None:
    looking = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
    assert looking == LOOKING


async def test_the_core_is_never_hidden_from_a_model(tools: list[Tool]) -> None:
    core = {tool.name for tool in tools if (tool.meta or {}).get("anthropic/alwaysLoad")}
    assert {"screenshot", "left_click", "type", "key", "scroll", "actions"} <= core
