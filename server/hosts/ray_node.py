"""This machine as a node of a Ray cluster: starts Ray's processes, finds them again, ends them.

Ray lets whoever reaches its ports run programs on all nodes: so each node has to know a token, from
a file that only its owner reads, and Ray's dashboard is off. What Ray is started with keeps
desktops alive while the head is away, and tells of a dead machine within seconds.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PORT = 6379
"""Ray's own default for its head."""
ADDRESS = "GLOVEPORT_NODE"
"""A variable of Ray's processes: the machine's address for gateways. Ray's own idea of it is never
loopback."""
_READY_WITHIN = 120.0  # seconds; a head takes 12 to 18 on two cores
_ENDS_WITHIN = 20.0  # seconds
_FREE_PORTS = (  # Ray's own choices may be taken: two nodes can be one machine
    "--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0",
)  # fmt: skip
_STARTED = "Ray runtime started"
_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Ray's processes that this one started, until they are reaped."""


class NoNode(Exception):
    """Ray did not start or end on this machine; its text says why."""


def environment(token: Path) -> dict[str, str]:
    """What Ray's processes, and drivers, are to be told.

    Args:
        token: The file of the cluster's token.
    """
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # else desktops run at nice 15
        "RAY_health_check_initial_delay_ms": "2000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "2000",
        "RAY_health_check_failure_threshold": "3",
        # After a minute without a head Ray would end all nodes, and drivers.
        "RAY_gcs_rpc_server_reconnect_timeout_s": "3600",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # it would wait for desktops to end
        "RAY_enable_metrics_collection": "0",  # it listens on all addresses
        "RAY_DISABLE_IMPORT_WARNING": "1",
    }


def is_here(address: str) -> bool:
    """Whether an address is one of this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Node:
    """This machine's part of a cluster.

    Args:
        folder: Where it keeps what it knows; a folder of this user alone.
    """

    folder: Path

    @property
    def runs(self) -> bool:
        """Whether Ray's processes run: their parent holds a lock for life."""
        _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
        try:
            with self._lock.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def address(self) -> str:
        """This machine's address in its cluster; empty: it is in none."""
        return str(self._record().get("node", "")) if self.runs else ""

    def start(
        self, cluster: str, node: str, token: Path, given: Mapping[str, str], cores: int = 0
    ) -> None:
        """Start a head, or a node that joins one.

        Args:
            cluster: The head's ADDRESS:PORT; this machine is the head if that is `node`'s.
            node: This machine's address for the others.
            token: The file of the cluster's token.
            given: The environment to start it with, besides what it needs.
            cores: Processor cores to offer; 0: those there are.

        Raises:
            NoNode: It did not start, or runs already.
        """
        if self.runs:
            raise NoNode("This machine is in a cluster already; `gloveport fleet leave` ends that.")
        host, _, port = cluster.rpartition(":")
        head = host == node
        # A head that forgot its nodes would end all of them, and their desktops, when it is back.
        memory = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(self.folder / "gcs")}
        if head:
            options = ["--head", "--port", port, "--include-dashboard=false"]
        else:
            options = ["--address", cluster]
        offered = ["--num-cpus", str(cores)] if cores else []
        with self._lock.open("w") as lock, self._log.open("w") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._log.chmod(0o600)
            process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "ray.scripts.scripts", "start", "--block",
                    "--node-ip-address", node, "--disable-usage-stats",
                    *_FREE_PORTS, *options, *offered,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                pass_fds=[lock.fileno()],
                env={**given, **environment(token), ADDRESS: node, **(memory if head else {})},
            )  # fmt: skip
        _CHILDREN.append(process)
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps({"pid": process.pid, "node": node, "cluster": cluster}))
        latest = time.monotonic() + _READY_WITHIN
        while _STARTED not in self._log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > latest:
                process.terminate()
                raise NoNode(f"Ray did not start; its log is {self._log}")
            time.sleep(0.05)

    def end(self) -> bool:
        """End Ray's processes on this machine, and the desktops there; False: none ran.

        Raises:
            NoNode: They do not end.
        """
        if not self.runs:
            return False
        pid = int(str(self._record()["pid"]))
        latest = time.monotonic() + _ENDS_WITHIN
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        while self.runs:
            if time.monotonic() > latest:
                raise NoNode(f"Ray (process {pid}) did not end.")
            time.sleep(0.05)
        return True

    def _record(self) -> dict[str, object]:
        try:
            return json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    @property
    def _file(self) -> Path:
        return self.folder / "ray.json"

    @property
    def _lock(self) -> Path:
        return self.folder / "ray.lock"

    @property
    def _log(self) -> Path:
        return self.folder / "ray.log"
