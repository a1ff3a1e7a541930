"""The shape every tool has, so that every client can call it and no call is misread.

Unknown arguments are errors, `null` stands for a left-out optional parameter, text is never parsed
as JSON, coordinates are lists (some clients send them as "[1,2]"), and what is wrong with a call is
said in one sentence that names the right parameters.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Any, get_origin

from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import ToolAnnotations
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from ..auth.principal import Scope
from ..control.call import Result, refusal
from .invocation import Invocation

LONGEST_SENTENCE = 400  # characters of an error
_ENDS = (230, 167)  # characters kept of the beginning and the end of a longer one

Run = Callable[..., Awaitable[Result]]
_ON = "on"  # the parameter of a tool's function that is the invocation


def _whole(value: object) -> object:
    """Whole numbers only: neither 10.5 nor "10" nor true is a pixel."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool | float | str):
        raise ValueError(f"{quoted(json.dumps(value))} is not a whole number")
    if isinstance(value, int) and abs(value) > _FARTHEST:
        raise ValueError("the number is too large")
    return value


def _of(length: int, shape: str) -> AfterValidator:
    """A list of so many numbers, or none at all where it is optional."""

    def check(numbers: list[int]) -> list[int]:
        if len(numbers) not in (0, length):
            raise ValueError(f"{numbers} is not of the form {shape}")
        return numbers

    return AfterValidator(check)


# What pydantic calls limits it cannot see the type of, and what JSON Schema calls them.
_LIMITS = {
    "ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum",
}  # fmt: skip
_FARTHEST = 10**100  # Python refuses to print numbers of some thousand digits
Whole = Annotated[int, BeforeValidator(_whole)]
Point = Annotated[list[Whole], Field(max_length=2), _of(2, "[x, y]")]
Region = Annotated[list[Whole], Field(max_length=4), _of(4, "[x0, y0, x1, y1]")]


def about(description: str, **limits: Any) -> Any:
    """Describe a required parameter."""
    return Field(description=description, **limits)


def optional(description: str, **limits: Any) -> Any:
    """Describe a parameter that may be left out or null."""
    return Field(description=description, json_schema_extra={"nullable": True}, **limits)


class _Arguments(FuncMetadata):
    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Read lists that came as JSON text, and take null for left out; touch nothing else."""
        read: dict[str, Any] = {}
        for name, value in data.items():
            field = self.arg_model.model_fields.get(name)
            if field is None:
                read[name] = value
            elif value is None and not field.is_required():
                continue
            elif isinstance(value, str) and get_origin(field.annotation) in (list, dict):
                read[name] = _from_json(value)
            else:
                read[name] = value
        return read


class DeskTool(Tool):
    """A tool whose refusals are sentences and whose arguments are exact."""

    scope: Scope = "control"
    """What a token must allow to call it."""

    async def answer(self, on: Invocation) -> Result:
        """Check the arguments of a call and do what it asks for.

        Raises:
            SandboxError: It could not be done.
        """
        try:
            given = self.fn_metadata.validate_arguments(dict(on.call.arguments))
        except ValidationError as failure:
            return refusal(self.wrong(failure))
        result: Result = await self.fn(**{_ON: on}, **given)
        return result

    def wrong(self, failure: ValidationError) -> str:
        """What is wrong with a call, in one sentence, and what would be right."""
        names = list(self.parameters.get("properties", {}))
        takes = f"{self.name} takes {', '.join(names)}." if names else f"{self.name} takes nothing."
        return f"{wrong(failure, names)} {takes}"


def wrong(failure: ValidationError, names: list[str]) -> str:
    """What is wrong with an object of these members, in one sentence."""
    said = "; ".join(_said(error, names) for error in failure.errors()[:3])
    return f"{said[:1].upper()}{said[1:]}."


def desk_tool(
    run: Run,
    *,
    name: str = "",
    title: str = "",
    looks: bool = False,
    destroys: bool = True,
    scope: Scope | None = None,
    core: bool = False,
    hint: str = "",
    meta: Mapping[str, Any] = MappingProxyType({}),
) -> DeskTool:
    """Make a tool of a function: its signature is the schema, its docstring what the model reads.

    Args:
        run: The function.
        name: The tool's name, if not the function's.
        title: What people see.
        looks: Whether it only looks; clients run such tools side by side.
        destroys: Whether it may destroy something, which clients assume unless told otherwise.
        scope: What a token must allow; view if it only looks, else control.
        core: Whether clients that hide tools until they are searched for should show it at once.
        hint: What it is also searched for by.
        meta: What else clients are told about it.
    """
    more: dict[str, Any] = dict(meta)
    if core:
        more["anthropic/alwaysLoad"] = True
    if hint:
        more["anthropic/searchHint"] = hint
    tool = DeskTool.from_function(
        run,
        name=name or run.__name__,
        title=title or None,
        description=" ".join((run.__doc__ or "").split()),
        context_kwarg=_ON,
        structured_output=False,
        meta=more or None,
        annotations=_annotations(looks=looks, destroys=destroys),
    )
    model = tool.fn_metadata.arg_model
    model.model_config["extra"] = "forbid"
    model.model_rebuild(force=True)
    tool.fn_metadata = _Arguments(arg_model=model)
    schema = model.model_json_schema(by_alias=True)
    schema.pop("title", None)
    for parameter in schema.get("properties", {}).values():
        parameter.pop("title", None)
        for limit, named in _LIMITS.items():  # in this order, so that the list never changes
            if limit in parameter:
                parameter[named] = parameter.pop(limit)
    tool.parameters = schema
    assert isinstance(tool, DeskTool)
    tool.scope = scope or ("view" if looks else "control")
    return tool


def _annotations(*, looks: bool, destroys: bool) -> ToolAnnotations | None:
    if looks:
        return ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return None if destroys else ToolAnnotations(destructive_hint=False)


def quoted(value: str, most: int = 60) -> str:
    """What a caller sent, short enough to be repeated to it."""
    return value if len(value) <= most else f"{value[:most]}…"


def bounded(sentence: str) -> str:
    """A sentence of at most 400 characters: what happened and what works stay, the middle goes."""
    text = sentence.encode(errors="replace").decode()
    if len(text) <= LONGEST_SENTENCE:
        return text
    head, tail = _ENDS
    return f"{text[:head]} … {text[-tail:]}"


def _from_json(text: str) -> Any:
    try:
        read: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(read, str | int | float | None) else read


def _said(error: Any, names: list[str]) -> str:
    place = [quoted(str(part)) for part in error["loc"]]
    where = ".".join(place)
    match error["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            near = get_close_matches(place[-1], names, 1)
            return f"there is no parameter {where}" + (f", did you mean {near[0]}?" if near else "")
        case "literal_error":
            return f"{where} must be one of {error['ctx']['expected']}"
        case "too_short" | "too_long":
            least, most = error["ctx"].get("min_length"), error["ctx"].get("max_length")
            count = f"at least {least}" if least else f"at most {most}" if most > 4 else f"{most}"
            items = "item" if least == 1 else "items"
            return f"{where} must have {count} {items}, not {error['ctx']['actual_length']}"
        case "list_type" if where in ("actions", "choices"):
            return f"{where} must be a list"
        case "list_type":
            return f"{where} must be a list of numbers such as [640, 400]"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"{where} must be an object"
        case "too_long_str" | "string_too_long":
            return f"{where} must have at most {error['ctx']['max_length']} characters"
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
        case "string_type":
            return f"{where} must be text"
        case "finite_number" | "float_type" | "float_parsing" | "int_type":
            return f"{where} must be a number"
        case _:
            message = str(error["msg"])
            return quoted(f"{where}: {message[:1].lower()}{message[1:]}", 160)
