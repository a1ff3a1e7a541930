"""What agents may do, may not, or need a person's yes for: rules from a file, the first that fits.

The verdict on input is made inside the desktop's turn, right before the input is sent, about what
is under the pointer or has the focus then. A yes holds for the same call, rule and place alone.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

from gloveport.sandbox.accessibility.atspi.nodes import ROLES
from gloveport.sandbox.errors import Broken, Impossible, NotAllowed
from gloveport.sandbox.geometry import Point, Rect
from gloveport.sandbox.input.authorization import Input, InputContext, Label, Permit
from gloveport.sandbox.secrets.store import SecretStore
from gloveport.sandbox.x11.keysyms import combination, sequence

from ..recording.describe import QUOTES, shortened, told
from ..recording.recorder import Said
from ..recording.touches import ANYWHERE, touches
from .label_words import groups, has_words, is_harmless, is_only, says, words_of
from .page_addresses import Address, BadAddress
from .toml_lines import TomlLines, why_no_toml

Verdict = Literal["allow", "ask", "refuse"]

BUILT_IN = Path(__file__).with_name("policy.toml")
_INPUTS: tuple[Input, ...] = get_args(Input)
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_SHOWN = 60  # characters of a text in a question
_TOLD = 250  # of what is wrong with a file; its path comes on top
_LISTS = ("tool", "application", "window", "text", "words", "form", "role")
_WORDS = ("name", "message")
_KEYS = ("verdict", *_LISTS, "input", "region", "url", *_WORDS)
_FORMS = ("card", "password")
# What a rule can be about; a test holds it to be what servers offer.
TOOLS = frozenset({
    "screenshot", "zoom", "read_screen", "find", "cursor_position", "wait_for", "left_click",
    "right_click", "middle_click", "double_click", "triple_click", "left_click_drag",
    "left_mouse_down", "left_mouse_up", "mouse_move", "scroll", "key", "hold_key", "wait",
    "click_element", "type", "set", "actions", "open", "windows", "clipboard", "checkpoint",
    "rollback", "request_human", "desktops", "show_desktop", "key_down", "key_up", "click",
    "button_down", "button_up", "drag", "files_list", "upload", "download",
})  # fmt: skip
# Tools that act and send no input a person could mind.
_HARMLESS = {"mouse_move", "scroll", "wait", "key_up"}


class BadPolicy(Broken):
    """A file of rules cannot be read; the error names the line."""


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
        self.at: Point | None = None
        """Where on the screenshot, if that is known."""
        self.said: Said = {"code": "may_call", "text": what}
        """What is to be done, as a code with arguments."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a yes is for: the same rule at the same place."""

    rule: str
    application: str = ""
    window: str = ""
    url: str = ""
    labels: tuple[Label, ...] = ()

    @property
    def site(self) -> str:
        """The origin of the page, such as "https://shop.example"; empty when it is on none."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


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
    url: tuple[Address, ...] = ()
    words: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    region: Rect | None = None

    def about(self, tool: str) -> bool:
        """Whether it is about a tool at all."""
        return not self.tool or _like(self.tool, tool)

    def fits(self, tool: str, situation: InputContext) -> bool:
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
            and (self.region is None or _within(self.region, situation.at))
            and (
                not (self.text or self.words) or any(self._says(kind, situation) for kind in kinds)
            )
            and (not self.form or self._sends(situation))
            and (not self.url or any(one.fits(situation.url) for one in self.url))
            and not (self.verdict == "allow" and situation.doubt)
        )

    def _sends(self, situation: InputContext) -> bool:
        """Whether it sends a form that has a field of a kind."""
        return any(
            ("password" in self.form and role == "password text")
            or ("card" in self.form and says(name, "card"))
            for role, name in situation.form
        )

    def fits_call(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether it fits a call that sends no input itself."""
        if not self.about(tool) or not (self.tool or tool == "open"):
            return False
        if self.input or self.application or self.role or self.region or self.words or self.form:
            return False
        said = [
            value
            for key, value in arguments.items()
            if isinstance(value, str) and key != "content"  # a file's, which is not what is done
        ]
        said += [f"{key} true" for key, value in arguments.items() if value is True]
        return (
            (not self.window or _like(self.window, str(arguments.get("window", ""))))
            and (
                not self.url
                or any(one.fits(str(arguments.get("target", "")), typed=True) for one in self.url)
            )
            and (
                not self.text or any(has_words(one, phrase) for one in said for phrase in self.text)
            )
        )

    def _says(self, kind: Input, situation: InputContext) -> bool:
        match kind:
            case "click" | "submit":
                if situation.unreadable:
                    return self.verdict != "allow"
                return any(
                    self.labelled(one)
                    and not (self.words and is_harmless(one.text, situation.beside))
                    for one in situation.labels
                )
            case "type":
                typed = situation.touch.entered
                return any(has_words(typed, phrase) for phrase in self.text)
            case "key":
                pressed = situation.touch.text
                return any(pressed == _combination(phrase) for phrase in self.text)

    def labelled(self, label: Label) -> bool:
        """Whether a button's label has a phrase, or text that may be prose is nothing else."""
        fits = has_words if label.button else is_only
        return any(fits(label.text, phrase) for phrase in self.text) or any(
            says(label.text, group, button=label.button) for group in self.words
        )


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
    vault: SecretStore = field(default_factory=SecretStore)
    """Values that no question and no refusal may show."""
    allowed: Callable[[str, str], bool] = lambda rule, site: False
    """Whether a person has allowed what a rule asks about on a site."""

    def of_call(self, arguments: Mapping[str, Any]) -> NeedsYes | None:
        """Judge a call that sends no input itself.

        Raises:
            Forbidden: It must not be made.
        """
        for rule in self.policy.rules:
            if rule.fits_call(self.tool, arguments):
                return self._judged(
                    rule, told(self.tool, dict(arguments), self.vault, ANYWHERE), Where(rule.name)
                )
        return None

    def of_step(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Judge a step of a batch that sends no input itself.

        Raises:
            NotAllowed: It must not be made, or not without a person's yes.
        """
        if needed := replace(self, tool=tool).of_call(arguments):
            raise needed

    def of_input(self) -> Permit | None:
        """What judges each touch of an action; None when no rule is about it."""
        return self.of_steps([self.tool])

    def of_steps(self, tools: Sequence[str]) -> Permit | None:
        """The same for several actions in one turn."""
        noting = touches.get()
        noting = noting if noting and noting.wanted else None
        if not any(self.policy.about(tool) for tool in tools):
            return noting and noting.note

        def permit(situation: InputContext) -> None:
            judge(situation)
            if noting:
                noting.note(situation)

        def judge(situation: InputContext) -> None:
            tool = tools[situation.place]
            for rule in self.policy.rules:
                if rule.fits(tool, situation):
                    if rule.verdict != "allow":
                        where = _where(rule, situation)
                        what, said = _touching(rule, situation, self.vault)
                        certain = not situation.doubt and rule.verdict == "ask"
                        if certain and self.allowed(rule.name, where.site):
                            return
                        if needed := self._judged(rule, what, where):
                            needed.at, needed.said = situation.at, said
                            raise needed
                    return

        return permit

    def _judged(self, rule: Rule, what: str, where: Where) -> NeedsYes | None:
        if rule.verdict == "refuse":
            raise Forbidden(rule, what)
        if rule.verdict == "ask" and where not in self.granted:
            return NeedsYes(rule, what, where)
        return None


def sends_input(tool: str, *, acting: bool) -> bool:
    """Whether a tool is judged touch by touch, and not by what it is called with."""
    return tool == "actions" or (acting and tool not in _HARMLESS)


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


def _where(rule: Rule, situation: InputContext) -> Where:
    return Where(
        rule.name, situation.application, situation.window, situation.url, situation.labels
    )


def _touching(rule: Rule, situation: InputContext, vault: SecretStore) -> tuple[str, Said]:
    """What a touch does, in words a person can say yes or no to, and as a code."""
    touch, labels = situation.touch, situation.labels
    if rule.text or rule.words:  # that which the rule is about, of all that it may be
        labels = tuple(one for one in labels if rule.labelled(one))
    label = next((one.text for one in labels), "")
    field = situation.field if touch.at is None else ""
    into = f" into {_quoted(field, vault)}" if field else ""
    said: Said = {"into": _short(field, vault)} if field else {}
    if "password text" in situation.roles and situation.is_a("type"):
        what = f"type into the password field{into.removeprefix(' into')}"
        said["code"] = "may_type_password"
    elif situation.is_a("submit") and label:
        what = f"press {_quoted(label, vault)} by Return"
        said |= {"code": "may_submit", "on": _short(label, vault)}
    elif situation.is_a("click") and (label or touch.input != "key"):
        at = situation.at
        place = f"at {at.x},{at.y}" if at else "what has the focus"
        what = f"press {_quoted(label, vault)}" if label else f"click {place}"
        on: Said = {"on": _short(label, vault)} if label else {"at": at and f"{at.x},{at.y}"}
        said |= {"code": "may_press" if label or at else "may_press_focus", **on}
    elif touch.input == "type":
        what = f"type {_quoted(touch.text, vault)}{into}"
        said |= {"code": "may_type", "text": _short(touch.text, vault)}
    else:
        what = f"press the key {_short(touch.text, vault)}" + into.replace(" into", " in", 1)
        said |= {"code": "may_key", "text": _short(touch.text, vault)}
    window = situation.window or situation.application
    if window:
        what += f" in the window {_quoted(window, vault)}"
        said["window"] = _short(window, vault)
    if situation.url:
        what += f" ({_short(situation.url, vault)})"
        said["url"] = _short(situation.url, vault)
    if doubt := situation.doubt:
        what += f"; it is not certain what it reaches: {doubt}"
        said["doubt"] = doubt
    return what, said


def _quoted(text: str, vault: SecretStore) -> str:
    """Words of a program or page, so that none of them can end the quotation."""
    return f"“{_short(text, vault).translate(QUOTES)}”"


def _short(text: str, vault: SecretStore) -> str:
    return shortened(text, _SHOWN, vault)


# Reading


def load(file: Path) -> Policy:
    """The rules of a file.

    Raises:
        BadPolicy: It cannot be read, or a rule is wrong; the error says which and why.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as why:
        raise BadPolicy(f"The policy {file} cannot be read: {why.strerror}.") from why
    except UnicodeDecodeError as why:
        raise BadPolicy(f"The policy {file} is no UTF-8 text.") from why
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise BadPolicy(f"The policy {file} is no TOML: {why_no_toml(text, why)}.") from why
    lines = TomlLines(text)
    rules: Any = read.pop("rule", [])
    wrong = next(iter(read), "" if isinstance(rules, list) else "rule")
    if wrong:
        raise BadPolicy(
            f"The policy {file} has {wrong[:_SHOWN]!r} in line {lines.key(wrong)}, where only "
            "[[rule]] tables may be; `gloveport policy` prints one to start from."
        )
    if not rules:
        raise BadPolicy(
            f"The policy {file} has no [[rule]] in line 1 or below, so it would permit everything; "
            "`gloveport policy` prints one to start from, and `--policy none` has no rules."
        )
    listed = cast(list[dict[str, Any]], rules)
    made: list[Rule] = []
    try:
        for number, one in enumerate(listed, 1):
            line = lines.table("rule", number, len(listed))
            made.append(_rule(one, f"rule {number}", f"rule {number} (line {line})"))
    except ValueError as why:
        raise BadPolicy(f"The policy {file}: {str(why)[:_TOLD]}.") from why
    return Policy(tuple(made))


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
            raise ValueError(f"{place} has an unknown key {key[:_SHOWN]!r}; {hint}")
    verdict = read.get("verdict")
    if verdict not in _VERDICTS:
        raise ValueError(f'{place} needs a verdict: "allow", "ask" or "refuse"')
    for key in _WORDS:
        if not isinstance(read.get(key, ""), str):
            raise ValueError(f"{place}: {key} must be text")
    lists = {key: _texts(read[key], key, place) for key in _LISTS if key in read}
    inputs = _texts(read["input"], "input", place) if "input" in read else ()
    if wrong := [one for one in inputs if one not in _INPUTS]:
        raise ValueError(f'{place}: input {wrong[0]!r} is none of "click", "type", "key", "submit"')
    _check(lists, cast(tuple[Input, ...], inputs), place)
    addresses = _texts(read["url"], "url", place) if "url" in read else ()
    try:
        url = tuple(Address.read(one, exact=verdict == "allow") for one in addresses)
    except BadAddress as why:
        raise ValueError(f"{place}: {why}") from why
    return Rule(
        name=read.get("name", usual),
        verdict=verdict,
        message=read.get("message", ""),
        input=cast(tuple[Input, ...], inputs),
        region=_region(read["region"], place) if "region" in read else None,
        url=url,
        **lists,
    )


def _check(lists: Mapping[str, tuple[str, ...]], inputs: Sequence[Input], place: str) -> None:
    """See that what a rule names exists.

    Raises:
        ValueError: It does not; the text says which.
    """
    for phrase in lists.get("text", ()):
        if not words_of(phrase) and not _combination(phrase):
            raise ValueError(f"{place}: text {phrase!r} is neither words nor a key")
        if tuple(inputs) == ("key",) and not _combination(phrase):
            raise ValueError(f"{place}: text {phrase!r} is no key")
    for key, there in (
        ("words", groups()), ("form", _FORMS), ("role", ROLES), ("tool", TOOLS)
    ):  # fmt: skip
        for one in lists.get(key, ()):
            if not any(fnmatchcase(name, one) if key == "tool" else name == one for name in there):
                near = get_close_matches(one, there, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"{place}: there is no {_NAMED.get(key, key)} {one!r}{hint}")


_NAMED = {"words": "group of words"}


def _texts(value: Any, key: str, place: str) -> tuple[str, ...]:
    many = cast(list[Any], value) if isinstance(value, list) else [value]
    if not many or not all(isinstance(one, str) and one for one in many):
        raise ValueError(f"{place}: {key} must be a text or a list of texts")
    return tuple(many)


def _region(value: Any, place: str) -> Rect:
    match value:
        case [bool(), *_] | [_, bool(), *_] | [_, _, bool(), *_] | [_, _, _, bool()]:
            pass  # which Python takes for numbers
        case [int(x0), int(y0), int(x1), int(y1)] if x0 < x1 and y0 < y1:
            return Rect(x0, y0, x1 - x0, y1 - y0)
        case _:
            pass
    raise ValueError(f"{place}: region must be [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
