"""The values that a parameter of a method may have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """From `least` to `most`, both allowed; `above` and `below` are limits that are not."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        """In words: `0 to 1`, `above 0 and up to 1`, `at least 2`."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        limits = (
            (self.least, "at least"),
            (self.above, "above"),
            (self.most, "up to"),
            (self.below, "below"),
        )
        return " and ".join(f"{words} {limit:g}" for limit, words in limits if limit is not None)

    def as_limits(self) -> dict[str, float]:
        """The limits by the names that pydantic gives them."""
        limits = {"ge": self.least, "le": self.most, "gt": self.above, "lt": self.below}
        return {name: limit for name, limit in limits.items() if limit is not None}
