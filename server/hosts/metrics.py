"""Numbers for whoever runs the server, in the text format that Prometheus reads."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from .gate import Gate

# From a click on a resting desktop to the longest call there is.
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """What a server's desktops have done, and who is at them.

    Args:
        gates: Tells what answers for each desktop, by name.
    """

    def __init__(self, gates: "Callable[[], Mapping[str, Gate]]") -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "gloveport_calls", "Calls of tools, by how they ended.", ["tool", "outcome"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "gloveport_call_seconds", "How long calls of tools took.", ["tool"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._gates = gates

    def called(self, tool: str, *, ok: bool, seconds: float) -> None:
        """A tool was called; names that no tool has are counted together by the caller."""
        self._calls.labels(tool, "answered" if ok else "refused").inc()
        self._seconds.labels(tool).observe(seconds)

    def text(self, names: "Collection[str]") -> bytes:
        """All there is to tell somebody who may see the desktops of these names."""
        now = CollectorRegistry()
        now.register(_Now(self._gates, names))
        return generate_latest(self._registry) + generate_latest(now)


class _Now(Collector):
    """What is so at the moment it is asked for."""

    def __init__(self, gates: "Callable[[], Mapping[str, Gate]]", names: "Collection[str]") -> None:
        self._gates = gates
        self._names = names

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        gates = {name: gate for name, gate in self._gates().items() if name in self._names}
        yield GaugeMetricFamily("gloveport_desktops", "Desktops that run.", len(gates))
        watching = GaugeMetricFamily(
            "gloveport_watching", "People at the live view.", labels=["desktop"]
        )
        state = GaugeMetricFamily(
            "gloveport_state", "1 for what is so.", labels=["desktop", "state"]
        )
        for name, gate in gates.items():
            watching.add_metric([name], len(gate.sharing.watching))
            state.add_metric([name, gate.sharing.lease.state.name.lower()], 1)
        yield watching
        yield state
