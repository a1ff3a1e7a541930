"""What is known of windows that handle their input, asked of real programs."""

from pathlib import Path

import pytest
from fields import field
from processes import until

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.damage import DamageMonitor


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "chromium"])
async def test_a_window_that_has_handled_its_input_says_so(
    desktop: Desktop, session: Session, tmp_path: Path, kind: str
) -> None:
    with field(session, kind, tmp_path) as program:
        found, _ = await desktop.wait_for_window("field", 20)
        assert found
        (window,) = [one.id for one in await desktop.windows() if "field" in one.title]
        watcher = DamageMonitor(session.x.connect())
        try:
            with program.stalled(stopped=0.2):
                for _ in range(5):
                    ping = watcher.ping(window)
                    assert ping is not None
                    assert until(lambda ping=ping: watcher.answered(ping), 20)
        finally:
            watcher.close()
