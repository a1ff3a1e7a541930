"""What agents may do, may not, or need a person's yes for: rules from a file, the first that fits.

The verdict on input is made inside the desktop's turn, right before the input is sent, about what
is under the pointer or has the focus then. A yes holds for the same call, rule and place alone.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, cast, get_args

from gloveport.sandbox.errors import Broken, Impossible, NotAllowed
from gloveport.sandbox.geometry import Point, Rect
from gloveport.sandbox.keys import combination, sequence
from gloveport.sandbox.situation import Input, Label, Permit, Situation

from .telling import told

Verdict = Literal["allow", "ask", "refuse"]

BUILT_IN = Path(__file__).with_name("policy.toml")
_INPUTS: tuple[Input, ...] = get_args(Input)
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_SHOWN = 60  # characters of a text in a question
_LISTS = ("tool", "application", "window", "url", "text", "role")
_WORDS = ("name", "message")
_KEYS = ("verdict", *_LISTS, "input", "region", *_WORDS)
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_HAN}]+|[^\W{_HAN}]+")
# Tools that act and send no input a person could mind.
_HARMLESS = {"mouse_move", "scroll", "wait", "left_mouse_up", "button_up", "key_up"}


class BadPolicy(Broken):
    """A file of rules cannot be read; the error names the line or the rule."""


class Forbidden(NotAllowed):
    def __init__(self, rule: "Rule", what: str) -> None:
        why = f" {rule.message}" if rule.message else ""
        super().__init__(
            f"The policy of this desktop refuses to {what} (rule {rule.name!r}).{why} "
            "It was not done."
        )


class NeedsYes(NotAllowed):
    """A person has to say yes first; the text is what a step of a batch is told."""

    def __init__(self, rule: "Rule", what: str, where: "Where") -> None:
        super().__init__(
            f"To {what} needs a person's yes (rule {rule.name!r}). It was not done. Call it by "
            "itself, outside of actions: then it is asked for."
        )
        self.rule = rule
        self.what = what
        self.where = where


@dataclass(frozen=True, slots=True)
class Where:
    """What a yes is for: the same rule at the same place."""

    rule: str
    application: str = ""
    window: str = ""
    url: str = ""
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; what is empty fits everything."""

    name: str
    verdict: Verdict
    message: str = ""
    tool: tuple[str, ...] = ()
    input: tuple[Input, ...] = ()
    application: tuple[str, ...] = ()
    window: tuple[str, ...] = ()
    url: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    region: Rect | None = None

    def about(self, tool: str) -> bool:
        """Whether it is about a tool at all."""
        return not self.tool or _like(self.tool, tool)

    def fits(self, tool: str, situation: Situation) -> bool:
        """Whether it fits a touch; what is costly to find out is asked for last."""
        if not self.about(tool):
            return False
        wanted = self.input or _INPUTS
        kinds: list[Input] = [kind for kind in _INPUTS if kind in wanted and situation.is_a(kind)]
        return (
            bool(kinds)
            and (not self.application or _like(self.application, situation.application))
            and (not self.window or _like(self.window, situation.window))
            and (not self.role or not situation.roles.isdisjoint(self.role))
            and (not self.text or any(self._says(kind, situation) for kind in kinds))
            and (self.region is None or _within(self.region, situation.at))
            and (not self.url or _like(self.url, situation.url))
        )

    def fits_call(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether it fits a call that sends no input itself."""
        if not self.about(tool) or not (self.tool or tool == "open"):
            return False
        if self.input or self.application or self.role or self.region:
            return False
        said = [value for value in arguments.values() if isinstance(value, str)]
        return (
            (not self.window or _like(self.window, str(arguments.get("window", ""))))
            and (not self.url or _like(self.url, str(arguments.get("target", ""))))
            and (
                not self.text or any(has_words(one, phrase) for one in said for phrase in self.text)
            )
        )

    def _says(self, kind: Input, situation: Situation) -> bool:
        match kind:
            case "click":
                return any(
                    _labelled(one, phrase) for one in situation.labels for phrase in self.text
                )
            case "type":
                typed = situation.touch.text
                return any(has_words(typed, phrase) for phrase in self.text)
            case "key":
                pressed = situation.touch.text
                return any(pressed == _combination(phrase) for phrase in self.text)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order; what none fits is allowed."""

    rules: tuple[Rule, ...] = ()

    def about(self, tool: str) -> bool:
        """Whether any rule may fit a tool."""
        return any(rule.about(tool) for rule in self.rules)


@dataclass(slots=True)
class Ruling:
    """The policy on one call, with what a person has said yes to."""

    policy: Policy = field(default_factory=Policy)
    tool: str = ""
    granted: set[Where] = field(default_factory=set[Where])

    def of_call(self, arguments: Mapping[str, Any]) -> NeedsYes | None:
        """Judge a call that sends no input itself.

        Raises:
            Forbidden: It must not be made.
        """
        for rule in self.policy.rules:
            if rule.fits_call(self.tool, arguments):
                return self._judged(rule, told(self.tool, dict(arguments)), Where(rule.name))
        return None

    def of_input(self) -> Permit | None:
        """What judges each touch of an action; None when no rule is about it."""
        return self.of_steps([self.tool])

    def of_steps(self, tools: Sequence[str]) -> Permit | None:
        """The same for several actions in one turn."""
        if not any(self.policy.about(tool) for tool in tools):
            return None

        def permit(situation: Situation) -> None:
            tool = tools[situation.place]
            for rule in self.policy.rules:
                if rule.fits(tool, situation):
                    if rule.verdict != "allow":
                        where = _where(rule, situation)
                        if needed := self._judged(rule, _touching(situation), where):
                            raise needed
                    return

        return permit

    def _judged(self, rule: Rule, what: str, where: Where) -> NeedsYes | None:
        if rule.verdict == "refuse":
            raise Forbidden(rule, what)
        if rule.verdict == "ask" and where not in self.granted:
            return NeedsYes(rule, what, where)
        return None


ruling: ContextVar[Ruling] = ContextVar("ruling")


def sends_input(tool: str, *, acting: bool) -> bool:
    """Whether a tool is judged touch by touch, and not by what it is called with."""
    return tool == "actions" or (acting and tool not in _HARMLESS)


def has_words(text: str, phrase: str) -> bool:
    """Whether a text has all words of a phrase in a row; Chinese characters in a row are one."""
    there, asked = _words(text), _words(phrase)
    return any(there[at : at + len(asked)] == asked for at in range(len(there) - len(asked) + 1))


def _labelled(label: Label, phrase: str) -> bool:
    """Whether a button's label has a phrase, or text that may be prose is nothing else."""
    if label.button:
        return has_words(label.text, phrase)
    return [word for word in _words(label.text) if not word.isdecimal()] == _words(phrase)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _combination(text: str) -> str:
    """A key or combination by the one name it is told by; empty when it is none."""
    try:
        chords = sequence(text)
    except Impossible:
        return ""
    return combination(chords[0]) if len(chords) == 1 else ""


def _like(patterns: Sequence[str], value: str) -> bool:
    return any(fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns)


def _within(region: Rect, at: Point | None) -> bool:
    return at is not None and region.holds(at)


def _where(rule: Rule, situation: Situation) -> Where:
    return Where(
        rule.name, situation.application, situation.window, situation.url, situation.labels
    )


def _touching(situation: Situation) -> str:
    """What a touch does, in words a person can say yes or no to."""
    touch, label = situation.touch, next((one.text for one in situation.labels), "")
    on = f"“{_short(label)}”" if label else ""
    if "password text" in situation.roles and situation.is_a("type"):
        what = f"type into the password field {on}".rstrip()
    elif situation.is_a("click"):
        at = situation.at
        place = f"at {at.x},{at.y}" if at else "what has the focus"
        what = f"press {on}" if on else f"click {place}"
    elif touch.input == "type":
        what = f"type “{_short(touch.text)}”" + (f" into {on}" if on else "")
    else:
        what = f"press the key {touch.text}" + (f" in {on}" if on else "")
    window = situation.window or situation.application
    if window:
        what += f" in the window “{_short(window)}”"
    return f"{what} ({_short(situation.url)})" if situation.url else what


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:_SHOWN]}…" if len(line) > _SHOWN else line


# Reading


def load(file: Path) -> Policy:
    """The rules of a file.

    Raises:
        BadPolicy: It cannot be read, or a rule is wrong; the error says which and why.
    """
    try:
        text = file.read_text(encoding="utf-8")
        read = tomllib.loads(text)
    except OSError as why:
        raise BadPolicy(f"The policy {file} cannot be read: {why.strerror}.") from why
    except UnicodeDecodeError as why:
        raise BadPolicy(f"The policy {file} is no UTF-8 text.") from why
    except tomllib.TOMLDecodeError as why:
        raise BadPolicy(f"The policy {file} is no TOML: {why}.") from why
    rules: Any = read.pop("rule", [])
    if read or not isinstance(rules, list):
        raise BadPolicy(
            f"The policy {file} has {', '.join(read) or 'rule'} where only [[rule]] tables may be; "
            "`gloveport policy` prints one to start from."
        )
    lines = [at for at, line in enumerate(text.splitlines(), 1) if _HEAD.match(line)]
    made: list[Rule] = []
    try:
        for number, one in enumerate(cast(list[dict[str, Any]], rules), 1):
            line = f" (line {lines[number - 1]})" if len(lines) == len(cast(Any, rules)) else ""
            made.append(_rule(one, f"rule {number}", f"rule {number}{line}"))
    except ValueError as why:
        raise BadPolicy(f"The policy {file}: {why}.") from why
    return Policy(tuple(made))


_HEAD = re.compile(r"\s*\[\[\s*rule\s*\]\]")


def _rule(read: dict[str, Any], usual: str, place: str) -> Rule:
    """One rule.

    Raises:
        ValueError: It is wrong; the text says how.
    """
    if not isinstance(read, dict):  # type: ignore[misc] # TOML
        raise ValueError(f"{place} is no table; write it as [[rule]]")
    for key in read:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}"
            raise ValueError(f"{place} has an unknown key {key!r}; {hint}")
    verdict = read.get("verdict")
    if verdict not in _VERDICTS:
        raise ValueError(f'{place} needs a verdict: "allow", "ask" or "refuse"')
    for key in _WORDS:
        if not isinstance(read.get(key, ""), str):
            raise ValueError(f"{place}: {key} must be text")
    lists = {key: _texts(read[key], key, place) for key in _LISTS if key in read}
    inputs = _texts(read["input"], "input", place) if "input" in read else ()
    if wrong := [one for one in inputs if one not in _INPUTS]:
        raise ValueError(f'{place}: input {wrong[0]!r} is none of "click", "type" and "key"')
    for phrase in lists.get("text", ()):
        if not _words(phrase) and not _combination(phrase):
            raise ValueError(f"{place}: text {phrase!r} is neither words nor a key")
    return Rule(
        name=read.get("name", usual),
        verdict=verdict,
        message=read.get("message", ""),
        input=cast(tuple[Input, ...], inputs),
        region=_region(read["region"], place) if "region" in read else None,
        **lists,
    )


def _texts(value: Any, key: str, place: str) -> tuple[str, ...]:
    many = cast(list[Any], value) if isinstance(value, list) else [value]
    if not many or not all(isinstance(one, str) and one for one in many):
        raise ValueError(f"{place}: {key} must be a text or a list of texts")
    return tuple(many)


def _region(value: Any, place: str) -> Rect:
    match value:
        case [int(x0), int(y0), int(x1), int(y1)] if x0 < x1 and y0 < y1:
            return Rect(x0, y0, x1 - x0, y1 - y0)
        case _:
            raise ValueError(f"{place}: region must be [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
