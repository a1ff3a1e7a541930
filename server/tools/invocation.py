"""What a tool is run with: the call, who makes it, and the desktop it is for."""

from dataclasses import dataclass, field

from gloveport.sandbox.desktop import Desktop

from ..control.call import Call, Caller
from ..control.elicitation import Elicitation
from ..control.policy import Ruling
from ..control.session import DesktopSession
from ..hosts.desktops import Desktops
from .screen_text import Outlines


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call on its way through the gate of a desktop.

    Args:
        call: As it came.
        caller: Who makes it, and what they know of the screen.
        desktop: What it acts on, as this caller knows it.
        session: The desktop, and who else is at it.
        asking: Asks people.
        outlines: The screens that were told in words.
        desks: The desktops of the same server.
        ruling: The policy on the call.
    """

    call: Call
    caller: Caller
    desktop: Desktop
    session: DesktopSession
    asking: Elicitation
    outlines: Outlines
    desks: Desktops
    ruling: Ruling = field(default_factory=Ruling)
