"""Other users of the machine do not come in over loopback."""

import os
import socket
import subprocess

import anyio
import httpx2
import pytest
from web import served

from gloveport.sandbox.desktop import Desktop
from gloveport.server.neighbours import is_own

NOBODY = 65534
_ASK = """
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print(opener.open(sys.argv[1], timeout=10).status)
except urllib.error.HTTPError as no:
    print(no.code, no.read().decode())
"""


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_connection_of_ours_is_known(family: socket.AddressFamily, host: str) -> None:
    with socket.create_server((host, 0), family=family) as listening:
        here = listening.getsockname()[:2]
        with socket.create_connection(here) as ours:
            assert is_own(ours.getsockname()[:2], here)
            assert not is_own((host, 1), here)  # nobody's


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_of_the_machine_is_not_let_in(desktop: Desktop) -> None:
    async with served(desktop) as url, httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{url}/live/main/screen")).status_code == 200

        def ask(path: str) -> str:
            return subprocess.run(
                ["/usr/bin/python3", "-c", _ASK, url + path],
                user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip

        for path in ("/live/main/screen", "/mcp", "/metrics"):
            said = await anyio.to_thread.run_sync(ask, path)
            assert said == (
                "403 This server belongs to another user of this machine, who can let you in by a "
                "token (gloveport serve --token-file F).\n"
            )
        assert await anyio.to_thread.run_sync(ask, "/healthz") == "200\n"
