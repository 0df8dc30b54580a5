"""Whether the components of a model fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.components.layout import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.components.joints import Connector, Figure, Joints


@dataclass(frozen=True, slots=True)
class JointVerdict:
    """Two figures that must agree: `left`, of what `left_name` says, and `right`.

    `fits` is None where it cannot be told, because nobody knows how many vectors of the tower the
    connector takes in as one; `factor` is that number where it is known. `sides` are the components
    that the figures belong to.
    """

    left_name: str
    left: Figure
    relation: str
    right_name: str
    right: Figure
    sides: tuple[str, ...]
    fits: bool | None
    factor: int | None = None

    @property
    def text(self) -> str:
        """`connector input 4096 = 4 x vision tower width 1024`, with `!=` where it does not fit."""
        left, right = f"{self.left_name} {self.left.value}", f"{self.right_name} {self.right.value}"
        if self.fits is None:
            return f"{left} and {right} cannot be checked"
        times = f"{self.factor} x " if self.factor not in {None, 1} else ""
        return f"{left} {self.relation if self.fits else _OPPOSITES[self.relation]} {times}{right}"


_OPPOSITES = {"=": "!=", "<": ">="}


def verdicts(joints: Joints) -> Iterator[JointVerdict]:
    """A verdict on every joint whose two figures are known."""
    for connector in joints.connectors:
        tower = joints.towers.get(connector.tower)
        if tower is not None and tower.width is not None:
            yield _inlet(connector, tower.width)
        if joints.hidden_size is not None:
            yield _verdict("connector output", connector.outlet, "=", "hidden size", joints.hidden_size)
    if joints.embedding_rows is not None:
        # An id below zero is a mark that the model's code replaces before it looks for a row.
        for token in (one for one in joints.token_ids if one.value >= 0):
            name = token.where.rpartition(".")[2]
            yield _verdict(name, token, "<", "vocabulary rows", joints.embedding_rows)


def _verdict(left_name: str, left: Figure, relation: str, right_name: str, right: Figure) -> JointVerdict:
    fits = left.value == right.value if relation == "=" else left.value < right.value
    sides = ("connector", "language_model") if relation == "=" else ("language_model",)
    return JointVerdict(left_name, left, relation, right_name, right, sides, fits)


def _inlet(connector: Connector, width: Figure) -> JointVerdict:
    factor, taken = connector.factor, connector.inlet.value
    fits: bool | None = taken == (factor or 1) * width.value
    if not fits and (factor is None or connector.is_assumed) and width.value and taken % width.value == 0:
        fits = None  # some number of vectors comes in as one, and nothing says how many
    name = f"{spoken(connector.tower)} width"
    sides = (connector.tower, "connector")
    return JointVerdict("connector input", connector.inlet, "=", name, width, sides, fits, factor)
