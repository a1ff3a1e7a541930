"""What a click would reach in a browser is what its page has there now, not a moment ago."""

from pathlib import Path

import anyio
import pytest
from desks import session_of
from fields import page_in_chromium
from processes import until

from gloveport.sandbox.accessibility.atspi.bus import Slow
from gloveport.sandbox.accessibility.atspi.nodes import Node
from gloveport.sandbox.accessibility.atspi.tree import AccessibilityTree
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.geometry import Point

PAGE = """
<style>button { position: fixed; left: 100px; top: 100px; width: 300px; height: 200px }</style>
<button id=a>Keep it</button><button id=b>Pay now</button>
<script>
let count = 0;
if (FRAMED && location.hostname == '127.0.0.1') {
  document.body.innerHTML = '<iframe style="position: fixed; inset: 0; width: 700px; height:' +
    ` 500px; border: 0" src="http://localhost:${location.port}/"></iframe>`;
} else setInterval(() => {
  const over = count++ % 2 ? 'b' : 'a';
  for (const one of 'ab') document.getElementById(one).style.zIndex = one == over ? 2 : 1;
  fetch('/value', {method: 'POST', body: count + ' ' + document.getElementById(over).textContent});
  for (const until = performance.now() + BUSY; performance.now() < until;);
}, 500);
</script>
"""


@pytest.mark.parametrize(("busy", "framed"), [(0, False), (60, False), (150, False), (60, True)])
async def test_a_page_is_asked_for_what_is_on_top_now(
    desktop: Desktop, tmp_path: Path, busy: int, framed: bool
) -> None:
    """A page that computes answers late; what it had there before is not taken for its answer.

    A frame of another site is drawn by a process of its own.
    """
    tree = AccessibilityTree(session_of(desktop).reach)
    html = PAGE.replace("BUSY", str(busy)).replace("FRAMED", str(int(framed)))
    with page_in_chromium(session_of(desktop), tmp_path, html) as page:
        await desktop.wait_until_shown("Keep it", 20)

        def judged() -> list[tuple[str, list[str]]]:
            tops, _ = tree.tops({page.pid}, 3)
            found: list[tuple[str, list[str]]] = []
            for _ in range(8):
                known = page.value()
                assert until(lambda: page.value() not in ("", known), 10)  # noqa: B023
                on_top = page.value().split(" ", 1)[1]
                chain = tree.touched(tops[0].key, Point(250, 300))
                found.append((on_top, [node.name for node in chain[:1]]))
            return found

        found = await anyio.to_thread.run_sync(judged)
    await anyio.to_thread.run_sync(tree.close)
    assert found == [(on_top, [on_top]) for on_top, _ in found]


async def test_a_page_that_does_not_answer_is_not_judged(desktop: Desktop, tmp_path: Path) -> None:
    tree = AccessibilityTree(session_of(desktop).reach)
    with page_in_chromium(
        session_of(desktop), tmp_path, PAGE.replace("BUSY", "1e9").replace("FRAMED", "0")
    ) as page:
        await desktop.wait_until_shown("Keep it", 20)
        assert until(lambda: page.value() != "", 10)

        def judged() -> list[Node]:
            tops, _ = tree.tops({page.pid}, 3)
            return tree.touched(tops[0].key, Point(250, 300))

        with pytest.raises(Slow, match="its page is busy"):
            await anyio.to_thread.run_sync(judged)
    await anyio.to_thread.run_sync(tree.close)
