"""Desktops on the machines of a Ray cluster: Ray places and finds them, and carries no call.

Each desktop has a named, detached actor (`Supervisor`) that started its server and ends with it.
Its name is the desktop's slot, so that Ray itself keeps two gateways from starting two. What needs
Ray runs in threads and has a deadline: a head that is gone stops nothing that runs.
"""

import importlib
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio.to_thread import run_sync

from . import processes
from .base import Full, Gone, NotPlaced, Placed, Spec, Unreachable, slot_in, slot_of
from .ray_node import ADDRESS

NAMESPACE = "gloveport"
_STARTS_WITHIN = 60.0  # seconds; a Ray worker takes 2 to 3 on two cores, a desktop as much
_ANSWERS_WITHIN = 3.0  # seconds an actor has to answer
_FREED_WITHIN = 3.0  # seconds; nodes tell the head each second
_RETRY_AFTER = 30.0  # seconds
_FOLDER = "gloveport-fleet-"
_Found = TypeVar("_Found")


class Supervisor:
    """Starts the server of one desktop on its machine; ends with it, and it with this.

    Args:
        slot: The desktop's.
        owner: Whose it is.
        key: What they call it.
        spec: What it is like.
    """

    def __init__(self, slot: str, owner: str, key: str, spec: Spec) -> None:
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
        self._folder.chmod(0o711)  # the desktops of root have users of their own
        self._placed: Placed | str
        node = os.environ[ADDRESS]  # noqa: TID251 - Ray's processes are told by nothing else
        try:
            placed = processes.start(self._folder, slot, owner, key, spec, host=node, tied=True)
        except NotPlaced as why:
            self._placed = str(why)
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        self._placed = replace(placed, node=node)
        threading.Thread(target=self._follow, args=(placed.id,), daemon=True).start()

    def _follow(self, id: str) -> None:
        processes.wait(id)
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)

    def where(self) -> Placed | str | None:
        """Where the desktop is; why it did not start; or None: it has ended."""
        if isinstance(self._placed, str) or processes.runs(self._folder, self._placed.id):
            return self._placed
        return None

    def end(self) -> None:
        """End the desktop."""
        if isinstance(self._placed, Placed):
            processes.end(self._folder, self._placed.id)


def _sweep() -> None:
    """Remove what desktops left whose supervisor was killed: nobody else does."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        found = folder.lstat()
        ours = found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode)
        ids = [lock.stem for lock in folder.glob("*.lock")] if ours else []
        idle = ours and time.time() - found.st_mtime > _STARTS_WITHIN
        if idle and not any(processes.runs(folder, id) for id in ids):
            shutil.rmtree(folder, ignore_errors=True)


class RayHost:
    """Desktops on a Ray cluster that a machine belongs to.

    Args:
        address: The cluster's, such as 127.0.0.1:6379.
        node: This machine's address in it.
    """

    def __init__(self, address: str, node: str) -> None:
        self._ray: Any = importlib.import_module("ray")
        # A Ray driver logs to the program's own loggers, and may take its signal handlers.
        self._ray.init(
            address=address, _node_ip_address=node, namespace=NAMESPACE, log_to_driver=False,
            logging_level="ERROR", configure_logging=False, ignore_reinit_error=True,
        )  # fmt: skip

    async def acquire(self, owner: str, key: str, spec: Spec) -> Placed:
        """Return an owner's desktop of a key, which is started if it does not run."""
        return await run_sync(self._acquire, owner, key, spec, abandon_on_cancel=True)

    def _acquire(self, owner: str, key: str, spec: Spec) -> Placed:
        slot = slot_of(owner, key)
        latest = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < latest:
            if self._actor(slot) is None:
                self._require_room(spec)
            options = {
                "name": slot, "namespace": NAMESPACE, "lifetime": "detached",
                "get_if_exists": True, "num_cpus": spec.cores, "memory": spec.memory,
                "scheduling_strategy": "SPREAD", "max_restarts": 0,
            }  # fmt: skip
            made = self._ray.remote(Supervisor).options(**options)
            actor = self._engine(partial(made.remote, slot, owner, key, spec))
            try:
                found = self._ray.get(actor.where.remote(), timeout=latest - time.monotonic())
            except self._ray.exceptions.GetTimeoutError:
                break  # nowhere to put it
            except self._ray.exceptions.RayActorError:
                continue  # one that has just ended
            if isinstance(found, Placed):
                return found
            self._ray.kill(actor)
            if isinstance(found, str):
                raise NotPlaced(found.removeprefix("The desktop did not start: "))
        if (actor := self._actor(slot)) is not None:
            self._ray.kill(actor)
        raise Full(_RETRY_AFTER)

    def _require_room(self, spec: Spec) -> None:
        """Raise Full unless there is room; Ray learns of what became free within seconds."""
        latest = time.monotonic() + _FREED_WITHIN
        while True:
            free = self._engine(self._ray.available_resources)
            if free.get("CPU", 0) >= spec.cores and free.get("memory", 0) >= spec.memory:
                return
            if time.monotonic() > latest:
                raise Full(_RETRY_AFTER)
            time.sleep(0.1)

    async def find(self, id: str) -> Placed:
        """Return a desktop that runs."""
        found = await self._bounded(self._where, slot_in(id))
        if found is None or found.id != id:
            raise Gone(id)
        return found

    def _where(self, slot: str) -> Placed | None:
        """The desktop in a slot, if it runs.

        Raises:
            Unreachable: Nobody says whether it does.
        """
        actor = self._actor(slot)
        if actor is None:
            return None
        try:
            found = self._ray.get(actor.where.remote(), timeout=_ANSWERS_WITHIN)
        except self._ray.exceptions.GetTimeoutError:
            raise Unreachable from None
        except self._ray.exceptions.RayActorError:
            return None
        return found if isinstance(found, Placed) else None

    def _actor(self, slot: str) -> Any:
        try:
            return self._engine(lambda: self._ray.get_actor(slot, NAMESPACE))
        except ValueError:
            return None

    async def release(self, id: str) -> None:
        """End a desktop and wait until it has ended."""
        await run_sync(self._release, id)

    def _release(self, id: str) -> None:
        slot = slot_in(id)
        found = self._where(slot)
        if found is None or found.id != id:
            return
        actor = self._actor(slot)
        try:
            if actor is not None:
                self._ray.get(actor.end.remote(), timeout=_STARTS_WITHIN)
        except self._ray.exceptions.RayActorError:
            pass  # it ended with its desktop
        except self._ray.exceptions.GetTimeoutError:
            raise Unreachable from None
        latest = time.monotonic() + _ANSWERS_WITHIN
        while self._where(slot) is not None and time.monotonic() < latest:
            time.sleep(0.02)

    async def list(self, owner: str | None = None) -> Sequence[Placed]:
        """The desktops that run, of one owner or of all."""
        found = await self._bounded(self._all)
        return [placed for placed in found if owner in (None, placed.owner)]

    def _all(self) -> Sequence[Placed]:
        named = self._engine(lambda: self._ray.util.list_named_actors(all_namespaces=True))
        slots = sorted(one["name"] for one in named if one["namespace"] == NAMESPACE)
        return [placed for slot in slots if (placed := self._where(slot))]

    async def close(self) -> None:
        """Leave the cluster; its desktops run on."""
        await run_sync(self._ray.shutdown)

    async def _bounded(self, run: Callable[..., _Found], *given: str) -> _Found:
        return await run_sync(run, *given, abandon_on_cancel=True)

    def _engine(self, ask: Callable[[], Any]) -> Any:
        """What Ray's head says, which may be gone.

        Raises:
            Unreachable: It does not answer.
            ValueError: There is no such actor.
        """
        said: list[Any] = []
        failed: list[BaseException] = []

        def asking() -> None:
            try:
                said.append(ask())
            except Exception as why:  # noqa: BLE001 - told to who asked
                failed.append(why)

        thread = threading.Thread(target=asking, daemon=True)
        thread.start()
        thread.join(_ANSWERS_WITHIN)
        if said:
            return said[0]
        if failed and isinstance(failed[0], ValueError):
            raise failed[0]
        raise Unreachable from (failed[0] if failed else None)
