"""Counters, gauges and histograms, written as Prometheus reads them.

The text exposition format, version 0.0.4: a HELP and a TYPE line a metric, then a line a sample.

    requests = Counter("fieldmark_requests_total", "Requests answered.", ("route", "status"))
    requests.add(1, route="/classify", status="200")
    exposition([requests])

Safe for several threads.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
"""Ending of the metric's name, labels, value."""


class Metric(ABC):
    """What the kinds have in common.

    Args:
        name: as Prometheus wants it: letters, digits, underscores; the unit at its end.
        help_text: one line for people.
        label_names: that each value has.
    """

    kind = "untyped"

    def __init__(self, name: str, help_text: str, label_names: Sequence[str] = ()) -> None:
        self.name, self.help_text, self._label_names = name, help_text, tuple(label_names)
        self._lock = threading.Lock()

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """Yields the values."""

    def _labels(self, given: dict[str, str]) -> Labels:
        assert set(given) == set(self._label_names), (self.name, given)
        return tuple((name, given[name]) for name in self._label_names)


class Counter(Metric):
    """A count that only grows; its name ends in `_total`."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, label_names: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, label_names)
        # One without labels is there from the start, so that its first step is seen as one.
        self._values: dict[Labels, float] = {} if label_names else {(): 0.0}

    def add(self, amount: float = 1, **labels: str) -> None:
        """Adds to the count of these labels."""
        key = self._labels(labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + amount

    def samples(self) -> Iterator[Sample]:
        """Yields the counts."""
        with self._lock:
            values = dict(self._values)
        yield from (("", labels, value) for labels, value in values.items())


class Gauge(Metric):
    """A value that is asked for when metrics are read.

    Args:
        name: of the metric.
        help_text: one line for people.
        read: gives the value, by labels.
    """

    kind = "gauge"

    def __init__(
        self, name: str, help_text: str, read: Callable[[], Iterable[tuple[Labels, float]]]
    ) -> None:
        super().__init__(name, help_text)
        self._read = read

    def samples(self) -> Iterator[Sample]:
        """Yields the values of now."""
        yield from (("", labels, value) for labels, value in self._read())


class Histogram(Metric):
    """How many values were at most so large.

    Args:
        name: of the metric.
        help_text: one line for people.
        bounds: upper bounds of the buckets, rising; one for all others is added.
        label_names: that each value has.
    """

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help_text: str,
        bounds: Sequence[float],
        label_names: Sequence[str] = (),
    ) -> None:
        super().__init__(name, help_text, label_names)
        self._bounds = (*sorted(bounds), float("inf"))
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, value: float, **labels: str) -> None:
        """Takes in a value."""
        key = self._labels(labels)
        bucket = next(place for place, bound in enumerate(self._bounds) if value <= bound)
        with self._lock:
            counts = self._counts.setdefault(key, [0] * len(self._bounds))
            counts[bucket] += 1
            self._sums[key] = self._sums.get(key, 0.0) + value

    def samples(self) -> Iterator[Sample]:
        """Yields the buckets, each holding those below it, then the sum and the count."""
        with self._lock:
            held = [(key, list(counts), self._sums[key]) for key, counts in self._counts.items()]
        for labels, counts, total in held:
            below = 0
            for bound, count in zip(self._bounds, counts, strict=True):
                below += count
                yield "_bucket", (*labels, ("le", _number(bound))), below
            yield "_sum", labels, total
            yield "_count", labels, below


def exposition(metrics: Iterable[Metric]) -> str:
    """Returns all metrics as text."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escaped(metric.help_text)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        for ending, labels, value in metric.samples():
            lines.append(f"{metric.name}{ending}{_label_text(labels)} {_number(value)}")
    return "\n".join(lines) + "\n"


def _label_text(labels: Labels) -> str:
    if not labels:
        return ""
    quoted = [f'{name}="{_escaped(value, quote=True)}"' for name, value in labels]
    return "{" + ",".join(quoted) + "}"


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
