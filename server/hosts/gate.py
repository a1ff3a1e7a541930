"""What answers the calls to one desktop, as the server's desktops know it."""

from typing import Protocol

from gloveport.sandbox.desktop import Desktop

from ..control.call import Call, Result
from ..control.elicitation import Elicitation
from ..control.session import DesktopSession


class Gate(Protocol):
    """Admits and answers the calls to one desktop."""

    desktop: Desktop
    sharing: DesktopSession
    asking: Elicitation
    last_call: float
    """When a tool was last called, on the monotonic clock."""

    @property
    def needed(self) -> bool:
        """Whether a call runs, or a person watches or drives."""
        ...

    async def answer(self, call: Call) -> Result:
        """Answer a call that is meant for this desktop."""
        ...

    async def screen(self) -> bytes:
        """The screen as it is now, as PNG.

        Raises:
            SandboxError: It cannot be shown.
        """
        ...

    async def tend(self) -> None:
        """Do what is due from time to time, until cancelled."""
        ...

    async def gone(self, name: str) -> None:
        """A caller has disconnected: release what it held, and forget it."""
        ...
