"""The figures to reach, and whether a measurement reaches them."""

from dataclasses import dataclass
from math import inf
from typing import Protocol

from benchmarks.measure import Measurement


class Target(Protocol):
    """A promise about a measurement."""

    @property
    def text(self) -> str:
        """The promise in words."""

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""


@dataclass(frozen=True)
class Faster:
    """At least so many times faster than the peer, with at most that fraction of its peak memory."""

    times: float
    leaner: float | None = None

    @property
    def text(self) -> str:
        """The promise in words."""
        return f"{self.times:g}x faster" + (f", {self.leaner:g}x less memory" if self.leaner else "")

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""
        lean = self.leaner is None or measured.leaner >= self.leaner
        return 1 / measured.slowdown >= self.times and lean


@dataclass(frozen=True)
class Within:
    """At most so many times the peer's time."""

    times: float

    @property
    def text(self) -> str:
        """The promise in words."""
        return f"within {self.times:g}x"

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""
        return measured.slowdown <= self.times


@dataclass(frozen=True)
class KeepsPromise:
    """At most as much memory above the peer, which is the libraries alone, as the plan promised."""

    @property
    def text(self) -> str:
        """The promise in words."""
        return "at or under the plan's promise"

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""
        return measured.promise is not None and measured.above <= measured.promise


@dataclass(frozen=True)
class Under:
    """Below a time and, where given, a peak memory in bytes; without importing torch, where promised."""

    seconds: float
    peak: float | None = None
    no_torch: bool = False

    @property
    def text(self) -> str:
        """The promise in words."""
        memory = f", under {self.peak / 1e9:g} GB" if self.peak else ""
        return f"under {self.seconds:g} s{memory}" + (", no torch" if self.no_torch else "")

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""
        lean = self.peak is None or measured.peak < self.peak
        return measured.seconds < self.seconds and lean and not (self.no_torch and measured.imports_torch)


@dataclass(frozen=True)
class FasterAndAsGood:
    """At least so many times faster than the peer, in so many seconds, and never with a lower score.

    Where the peer does not run there is nothing to be faster than.
    """

    times: float
    seconds: float | None = None

    @property
    def text(self) -> str:
        """The promise in words."""
        limit = f" and in {self.seconds:g} s" if self.seconds else ""
        return f"{self.times:g}x faster{limit}, as good"

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""
        if measured.seconds > (self.seconds or inf):
            return False
        if measured.refusal:
            return True
        fast = 1 / measured.slowdown >= self.times
        pairs = zip(measured.ours, measured.theirs, strict=True)
        # Sums of the same products in another order.
        return fast and all((a.score or 0.0) >= (b.score or 0.0) * (1 - 1e-9) for a, b in pairs)


@dataclass(frozen=True)
class NoBarrier:
    """A score that is a barrier, and at most this."""

    limit: float

    @property
    def text(self) -> str:
        """The promise in words."""
        return f"barrier at most {self.limit:g}"

    def met(self, measured: Measurement) -> bool:
        """Whether the measurement keeps it."""
        return all(sample.score is not None and sample.score <= self.limit for sample in measured.ours)
