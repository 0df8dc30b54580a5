"""What a match has found, and who is told while it is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class GroupGain(NamedTuple):
    """What the terms of a group are worth, as a part of the objective.

    `identity` is with nothing permuted, `found` with all groups as they were found, and `norm` the largest
    that it could be. The terms are those of its cluster, which is the group, its parents and all families of
    these.
    """

    group: int
    identity: float
    found: float
    norm: float
    is_identity: bool


@dataclass(frozen=True)
class ModelMatch:
    """How one model came closer to the anchor.

    The objective is the inner product with the anchor, each tensor's weight in it; `norm` is the largest
    it could be. `sweeps` are the objective after the initialisation and after each sweep.
    """

    identity: float
    objective: float
    norm: float
    sweeps: tuple[float, ...]
    gains: tuple[GroupGain, ...]


@dataclass(frozen=True)
class Solution:
    """An element's vector and its account for each of the models that move, the anchor not being one."""

    elements: tuple[NDArray[np.int32], ...]
    models: tuple[ModelMatch, ...]


class Step(NamedTuple):
    """Where the matcher is: `done` of `clusters` in this sweep (0: initialisation) of a model."""

    model: int
    sweep: int
    done: int
    clusters: int
    cluster: str
    objective: float


class Progress(Protocol):
    """Is told of each cluster that is finished."""

    def __call__(self, step: Step, /) -> None:
        """Called from any thread, one call at a time for a model."""
