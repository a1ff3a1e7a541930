"""A form with every kind of field, which has to arrive exactly as it was dictated."""

from datetime import date, timedelta

import httpx2
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..scripted.shopper import Lost
from .scenario import Home
from .site import Site
from .variation import Variation
from .visitor import Visitor, named

ENGLISH = (
    "Fill in the form at {url} with exactly the values its first page lists, attach the file "
    "~/Documents/report.txt, and register."
)
CHINESE = "按 {url} 首页列出的内容准确填写表单，附上文件 ~/Documents/report.txt，然后提交登记。"
FILE = "Documents/report.txt"
_NAMES = ("李小龙 😀", "Zoë Ångström", "שלום עולם", "محمد علي", "Nguyễn Thị 👩‍🚀", "山田太郎")
_NOTES = ("first line\nsecond line", "“quotes” & <tags> \\ back", "三行\n中文\n备注 ✓", "null")
_KINDS = ("Standard", "Express", "Same day")


class Form(Site):
    """The books are what was sent."""

    def __init__(self, variation: Variation) -> None:
        super().__init__(variation)
        draw = self.random
        day = date(2026, 1, 1) + timedelta(days=draw.randrange(800))
        self.wanted = {
            "name": draw.choice(_NAMES),
            "mail": f"guest{draw.randrange(1000)}@example.org",
            "day": day.isoformat(),
            "time": f"{draw.randrange(24):02}:{draw.randrange(60):02}",
            "kind": draw.choice(_KINDS),
            "level": str(draw.randrange(11)),
            "drink": draw.choice(("tea", "coffee")),
            "terms": "on",
            "note": draw.choice(_NOTES),
            "rich": f"Rich text {draw.randrange(1000)} – 富文本",
        }
        self.report = f"report {draw.random()}\n"
        self.sent = list[dict[str, str]]()

    def routes(self) -> list[Route]:
        """What is wanted, the form, and where it goes."""
        return [
            Route("/", self._list),
            Route("/form", self._form),
            Route("/send", self._send, methods=["POST"]),
            Route("/done", self._done),
        ]

    async def prepare(self, home: Home) -> None:
        """The file to attach."""
        await home.write(FILE, self.report.encode())

    async def solve(self, visitor: Visitor) -> str:
        """Each field by its own means; what it holds is read back."""
        wanted = self.wanted
        await visitor.open(self.say("Registration", "登记"))
        await visitor.press(self.say("To the form", "填写表单"), named("report.txt?"), "link")
        await visitor.fill("Name", wanted["name"])
        await visitor.fill("E-mail", wanted["mail"])
        await visitor.fill("Note", wanted["note"])
        await visitor.fill("Rich text", wanted["rich"])
        for field, value in (
            ("Day", wanted["day"]), ("Time", wanted["time"]), ("Kind", wanted["kind"]),
            ("Level", wanted["level"]),
        ):  # fmt: skip
            await visitor.set(field, value)
        await visitor.set(wanted["drink"], "on", "radio button")
        await visitor.set("I agree", "on", "check box")
        await self._attach(visitor)
        await visitor.press(self._register, named(self._thanks), "button")
        return "It is registered."

    async def _attach(self, visitor: Visitor) -> None:
        """Choose the file in the browser's dialog, by its path."""
        await visitor.press_where(
            lambda things: next(
                (one for one in things if one.role == "button" and "File" in one.name), None
            ),
            named("File name:"),
            "the button of the file",
        )
        await visitor.do("type", text=f"~/{FILE}", screenshot="never")
        await visitor.do("key", text="Return", screenshot="never")
        if not await visitor.shows(named("report.txt", "Rich text")):
            raise Lost("the file is not attached")

    async def err(self, site: httpx2.AsyncClient, home: Home) -> str:
        """All right but the day, which is one off."""
        day = date.fromisoformat(self.wanted["day"]) + timedelta(days=1)
        fields = self.wanted | {"day": day.isoformat()}
        await site.post("/send", data=fields, files={"file": ("report.txt", self.report.encode())})
        return "It is registered."

    async def failure(self, said: str, home: Home) -> str:
        """It was sent once, and each field is right."""
        if len(self.sent) != 1:
            return f"the form was sent {len(self.sent)} times"
        wanted = self.wanted | {"file": self.report}
        sent = self.sent[0]
        wrong = {one: sent.get(one) for one in wanted if sent.get(one) != wanted[one]}
        return f"{wrong} was sent" if wrong else ""

    @property
    def _register(self) -> str:
        return self.say("Register", "登记")

    @property
    def _thanks(self) -> str:
        return self.say("Registered", "登记完成")

    async def _list(self, request: Request) -> Response:
        items = "".join(f"<dt>{name}<dd><pre>{_escaped(value)}</pre>"
                        for name, value in self.wanted.items())  # fmt: skip
        title, link = self.say("Registration", "登记"), self.say("To the form", "填写表单")
        body = f'<h1>{title}</h1><a class=button href="/form">{link}</a><dl>{items}</dl>'
        return await self.page(title, body)

    async def _form(self, request: Request) -> Response:
        kinds = "".join(f"<option>{one}" for one in _KINDS)
        body = f"""<form method=post action="/send" enctype="multipart/form-data">
<div class=row><label>Name <input name=name></label> <label>E-mail <input name=mail></label></div>
<div class=row><label>Day <input type=date name=day></label>
<label>Time <input type=time name=time></label>
<label>Kind <select name=kind>{kinds}</select></label></div>
<div class=row><label>Level <input type=range name=level min=0 max=10 value=5></label>
<label><input type=radio name=drink value=coffee>coffee</label>
<label><input type=radio name=drink value=tea>tea</label>
<label><input type=checkbox name=terms>I agree</label></div>
<div class=row><label>Note <textarea name=note></textarea></label>
<div contenteditable role=textbox aria-label="Rich text" style="border:1px solid;width:300px;
min-height:40px"></div><input type=hidden name=rich></div>
<div class=row><label>report.txt? <input type=file name=file aria-label=File></label>
<button>{self._register}</button></div></form>"""
        script = """document.querySelector("form").onsubmit = event => {
  event.target.rich.value = document.querySelector("[contenteditable]").innerText; };"""
        return await self.page(self.say("Form", "表单"), body, script)

    async def _send(self, request: Request) -> Response:
        sent = dict[str, str]()
        async with request.form() as form:
            for name, value in form.items():
                text = (await value.read()).decode() if isinstance(value, UploadFile) else value
                sent[name] = text.replace("\r\n", "\n") if name != "file" else text
        self.sent.append(sent)
        return RedirectResponse("/done", 303)

    async def _done(self, request: Request) -> Response:
        return await self.page(self._thanks, f"<h1>{self._thanks}</h1>")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
