"""A bridge's own server: started when it is needed, and again when it was lost."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .local_servers import about, ensure_server
from .state_folder import NoServer, State

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnServer:
    """This user's own server of a name.

    Args:
        state: Where its socket is.
        name: Its name.
        options: What makes its desktop what it is.
        arguments: Those, and whatever else `serve` is to be started with.
    """

    state: State
    name: str
    options: Sequence[str]
    arguments: Sequence[str]

    @property
    def socket(self) -> Path:
        """Its Unix socket."""
        return self.state.socket(self.name)

    @property
    def runs(self) -> bool:
        """Whether it answers now."""
        return about(self.state, self.name) is not None

    def ensure(self) -> str:
        """Start it if it does not run; return its instance (see auth/middleware.py).

        Raises:
            NoServer: It did not get ready.
        """
        started = ensure_server(self.state, self.name, self.arguments)
        found = about(self.state, self.name)
        if found is None:
            raise NoServer("it ended as soon as it had started")
        if not started and found.get("options", list(self.options)) != list(self.options):
            logger.warning(
                "the server %s runs with other options (%s); yours are not used. Give another "
                "--name for a desktop of their own, or end it with `gloveport stop %s`.",
                self.name, " ".join(found["options"]) or "the usual ones", self.name,
            )  # fmt: skip
        return str(found.get("instance", ""))

    def ensure_or_exit(self) -> None:
        """Start it if it does not run, or end this program and say why."""
        try:
            self.ensure()
        except NoServer as why:
            sys.exit(f"gloveport: The desktop server did not start: {why}. Run `gloveport doctor`.")
