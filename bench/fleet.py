"""What a gateway adds to a call: the same calls straight to a desktop's server and by the gateway.

    .venv/bin/python bench/fleet.py [--calls 300]

Calls alternate, so that both meet the same machine; what is told are medians and their difference.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from gloveport.server.auth.principal import Principal, including
from gloveport.server.hosts.assertion import assertion
from gloveport.server.hosts.local import LocalHost

GRANT = Principal("admin", "bench", including(["admin"]))
META = "io.modelcontextprotocol/"
CALLS: dict[str, dict[str, Any]] = {
    "cursor_position": {},
    "zoom": {"region": [0, 0, 1280, 800]},
}


def message(tool: str) -> tuple[dict[str, str], dict[str, Any]]:
    headers = {
        "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": tool,
        "accept": "application/json, text/event-stream",
    }  # fmt: skip
    meta: dict[str, Any] = {f"{META}protocolVersion": "2026-07-28"}
    meta[f"{META}clientCapabilities"] = {}
    params = {"name": tool, "arguments": CALLS[tool], "_meta": meta}
    return headers, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def once(http: httpx2.AsyncClient, url: str, tool: str, token: str) -> tuple[float, int]:
    headers, body = message(tool)
    headers["authorization"] = f"Bearer {token}"
    began = time.perf_counter()
    answer = await http.post(f"{url}/mcp", json=body, headers=headers)
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    assert not answer.json()["result"]["isError"], answer.text[:300]
    return took, len(answer.content)


@contextmanager
def gateway() -> Generator[tuple[str, str, LocalHost]]:
    """A gateway in a process of its own: its address, its token, and its host."""
    with tempfile.TemporaryDirectory(prefix="gp-") as made:
        state = Path(made)
        ready, told = os.pipe()
        process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "gloveport.server.cli", "serve", "--fleet", "local",
                "--port", "0", "--calls-per-second", "100000", "--state-dir", made,
                "--ready-fd", str(told),
            ],
            pass_fds=[told], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(told)
        try:
            assert os.read(ready, 10) == b"ready\n"
            url = json.loads((state / "main.json").read_text())["url"]
            yield url, (state / "main.token").read_text().strip(), LocalHost(state / "fleet")
        finally:
            os.close(ready)
            process.terminate()
            process.wait()


def tenth(took: list[float]) -> float:
    """The time that a tenth of the calls stayed below: what other programs disturb least."""
    return statistics.quantiles(took, n=10)[0]


async def measure(calls: int) -> None:
    with gateway() as (url, token, host):
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            await once(http, url, "cursor_position", token)  # opens it
            (placed,) = await host.list()
            try:
                for tool in CALLS:
                    straight, by, size = list[float](), list[float](), 0
                    for _ in range(calls):
                        shown = assertion(placed.secret, GRANT)
                        took, size = await once(http, placed.url, tool, shown)
                        straight.append(took)
                        by.append((await once(http, url, tool, token))[0])
                    low, high = (1e3 * statistics.median(one) for one in (straight, by))
                    print(
                        f"{tool:16} {size / 1e3:7.1f} kB   straight {low:6.2f} ms   by the gateway "
                        f"{high:6.2f} ms   adds {high - low:5.2f} ms   (fastest tenth: "
                        f"{1e3 * (tenth(by) - tenth(straight)):.2f} ms)"
                    )
            finally:
                await host.release(placed.id)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    asyncio.run(measure(parser.parse_args().calls))
