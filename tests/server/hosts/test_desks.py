"""Several desktops of one server: opened, reached by name and by URL, reserved, closed."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, decoded, facts, picture, refusal
from desks import session_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ReadResourceResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from views import viewing
from web import TOKEN, bearer, listening, serving_web
from witness import Press, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.auth.principal import HERE
from gloveport.server.hosts.desktops import Desktops
from gloveport.server.hosts.notify import notify
from gloveport.server.mcp.server import DesktopServer


@asynccontextmanager
async def several(
    desktop: Desktop, most: int = 2, idle: float = 60
) -> AsyncGenerator[tuple[str, Desktops]]:
    server = DesktopServer(desktop, most=most, idle=idle)
    desks = server.desks
    async with desks.running(), serving_web(server, desktop) as url:
        yield url, desks


async def opened(client: Client, size: str = "400x320") -> str:
    return facts(await call(client, "desktops", action="open", size=size))["opened"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_desktop_is_opened_used_by_name_and_closed(
    desktop: Desktop, witness: Witness, mode: Any
) -> None:
    async with several(desktop) as (url, desks), Client(f"{url}/mcp", mode=mode) as client:
        name = await opened(client)
        listed = facts(await call(client, "desktops"))
        assert [one["name"] for one in listed["desktops"]] == ["main", name]
        assert listed["may_open"] == 0
        shown = await call(client, "screenshot", desktop=name)
        assert decoded(picture(shown)).size == (400, 320)
        other = Witness(session_of(desks.find(name, HERE).desktop).x)
        assert facts(await call(client, "left_click", coordinate=[20, 30], desktop=name))["ok"]
        assert other.saw() == Press(1, 20, 30)
        assert witness.saw_nothing()
        other.close()
        read = await client.read_resource(f"screen://{name}")
        assert isinstance(read, ReadResourceResult)
        assert facts(await call(client, "desktops", action="close", name=name))["closed"] == name
        said = refusal(await call(client, "screenshot", desktop=name))
        assert said.startswith(f"There is no desktop '{name}' of yours; there are main.")


async def test_a_desktop_has_a_url_of_its_own(desktop: Desktop) -> None:
    async with several(desktop) as (url, _), Client(f"{url}/mcp") as client:
        name = await opened(client)
        async with Client(f"{url}/d/{name}/mcp") as there:
            assert decoded(picture(await call(there, "screenshot"))).size == (400, 320)
            said = refusal(await call(there, "screenshot", desktop="main"))
            assert said.startswith("There is no desktop 'main' of yours")
        async with Client(f"{url}/d/main/mcp") as there:
            assert decoded(picture(await call(there, "screenshot"))).size == (640, 480)
        async with httpx2.AsyncClient(trust_env=False, headers=bearer(TOKEN)) as http:
            assert (await http.get(f"{url}/live/{name}")).status_code == 200
            assert (await http.get(f"{url}/live/dnone")).status_code == 404


async def test_there_are_no_more_than_allowed(desktop: Desktop) -> None:
    async with several(desktop) as (url, _), Client(f"{url}/mcp") as client:
        await opened(client)
        said = refusal(await call(client, "desktops", action="open"))
        assert said.startswith("You have 2 desktops, as many as you may")
        wrong = refusal(await call(client, "desktops", action="open", size="10x10"))
        assert wrong.startswith("A desktop cannot have the size '10x10'")


async def test_one_desktop_alone_offers_no_choice(near: Client) -> None:
    tools = (await near.list_tools()).tools
    assert all("desktop" not in tool.input_schema["properties"] for tool in tools)
    said = refusal(await call(near, "desktops", action="open"))
    assert said == (
        "You may use one desktop here; whoever runs the server can allow more: --desktops N, "
        "and a token that is not for some desktops only."
    )
    told = refusal(await call(near, "screenshot", desktop="main"))
    assert told.startswith("There is no parameter desktop")


async def test_the_first_desktop_is_never_closed(desktop: Desktop) -> None:
    async with several(desktop) as (url, _), Client(f"{url}/mcp") as client:
        refusal(await call(client, "desktops", action="close", name="main"))
        assert picture(await call(client, "screenshot"))


async def test_a_desktop_that_a_person_drives_is_not_closed(desktop: Desktop) -> None:
    async with several(desktop) as (url, desks), Client(f"{url}/mcp") as client:
        name = await opened(client)
        async with viewing(url, desktop=name) as ada:
            assert (await ada.do("take")).status_code == 200
            said = refusal(await call(client, "desktops", action="close", name=name))
            assert said.startswith(
                f"Ada is in control of the desktop {name!r}, so it was not closed"
            )
            assert name in desks.gates
            assert (await ada.do("hand_back")).status_code == 200
        facts(await call(client, "desktops", action="close", name=name))


async def test_a_desktop_that_nobody_uses_is_closed(desktop: Desktop) -> None:
    async with several(desktop, idle=0.5) as (url, desks), Client(f"{url}/mcp") as client:
        name = await opened(client)
        folder = session_of(desks.find(name, HERE).desktop).home
        with anyio.fail_after(20):
            while name in desks.gates or folder.exists():  # noqa: ASYNC110 - it ends by itself
                await anyio.sleep(0.05)


async def test_closing_the_server_leaves_nothing_of_its_desktops(desktop: Desktop) -> None:
    async with AsyncExitStack() as stack:
        url, desks = await stack.enter_async_context(several(desktop, most=3))
        client = await stack.enter_async_context(Client(f"{url}/mcp"))
        names = [await opened(client), await opened(client)]
        folders = [session_of(desks.find(name, HERE).desktop).home for name in names]
        assert all(folder.exists() for folder in folders)
    assert not any(folder.exists() for folder in folders)


async def test_a_reserved_desktop_keeps_other_agents_out(desktop: Desktop) -> None:
    headers = {"x-gloveport-client": "other"}
    async with AsyncExitStack() as stack:
        url, _ = await stack.enter_async_context(several(desktop))
        client = await stack.enter_async_context(Client(f"{url}/mcp"))
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, trust_env=False))
        other = await stack.enter_async_context(
            Client(streamable_http_client(f"{url}/mcp", http_client=http))
        )
        assert facts(await call(client, "desktops", action="reserve", seconds=60))["ok"]
        said = refusal(await call(other, "mouse_move", coordinate=[5, 5]))
        assert "has reserved this desktop for" in said
        assert picture(await call(other, "screenshot"))
        assert facts(await call(client, "mouse_move", coordinate=[5, 5]))["ok"]
        await call(client, "desktops", action="release")
        assert facts(await call(other, "mouse_move", coordinate=[6, 6]))["ok"]


async def test_a_desktop_is_called_what_its_opener_says(desktop: Desktop) -> None:
    async with several(desktop, most=3) as (url, _), Client(f"{url}/mcp") as client:
        made = await call(client, "desktops", action="open", name="second", size="400x320")
        assert facts(made)["opened"] == "second"
        assert picture(await call(client, "screenshot", desktop="second"))
        for wrong in ("second", "main", "static", "-", "a b", "Ä", "x" * 33, "../x"):
            told = refusal(await call(client, "desktops", action="open", name=wrong))
            assert "none was opened" in told.lower(), wrong
        await call(client, "desktops", action="close", name="second")


async def test_an_address_is_told_of_each_question_once(desktop: Desktop) -> None:
    heard: list[Any] = []

    async def hear(request: Request) -> Response:
        heard.append(await request.json())
        return Response(status_code=204)

    hook = Starlette(routes=[Route("/hook", hear, methods=["POST"])])
    async with (
        several(desktop) as (url, desks),
        listening(hook) as there,
        Client(f"{url}/mcp") as client,
        anyio.create_task_group() as tasks,
    ):
        desks.address = url
        tasks.start_soon(notify, desks, f"{there}/hook")
        for reason in ("One?", "Two?", "One?"):
            refusal(await call(client, "request_human", reason=reason, kind="approve"))
            with anyio.fail_after(20):
                while not any(one["question"] == reason for one in heard):  # noqa: ASYNC110
                    await anyio.sleep(0.02)
        tasks.cancel_scope.cancel()
    assert [one["question"] for one in heard] == ["One?", "Two?"]
    assert heard[0] == {
        "text": f"mcp 0.1.0 asks at the desktop main: One?\n{url}/live/main",
        "desktop": "main", "asked_by": "mcp 0.1.0", "question": "One?", "live": f"{url}/live/main",
    }  # fmt: skip
