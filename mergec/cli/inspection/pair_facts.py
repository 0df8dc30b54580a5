"""What differs between two checkpoints by their headers, and the rules that line them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.recognise import dialect_of
from mergec.recipe.proposals import Kind, propose_rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.cli.inspection.subject import Subject
    from mergec.ir.strided_view import StridedView
    from mergec.recipe.proposals import Proposal


class Different(NamedTuple):
    """A tensor that both have, with its shape or dtype in each."""

    name: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sets of tensors beside each other, names in the order of the first that has them."""

    alike: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    shapes: tuple[Different, ...]
    dtypes: tuple[Different, ...]


@dataclass(frozen=True, slots=True)
class PairFacts:
    """Two checkpoints as they are, and as they are once the rules have renamed the second.

    `dialects` are those of adapters, None for models.
    """

    paths: tuple[Path, Path]
    dialects: tuple[str | None, str | None]
    tensors: tuple[Mapping[str, StridedView], Mapping[str, StridedView]]
    now: Compared
    proposal: Proposal
    after: Compared

    @property
    def adapter(self) -> str | None:
        """Which of the two is an adapter, where the other one is a model."""
        first, second = self.dialects
        return None if (first is None) == (second is None) else "AB"[first is None]

    @property
    def is_mostly_apart(self) -> bool:
        """Whether less than half of either checkpoint's names have a partner even after the rules."""
        return self.proposal.lined_up < min(map(len, self.tensors)) / 2


def pair_facts(one: Subject, other: Subject) -> PairFacts:
    """The comparison of two checkpoints and the proposal for the second."""
    first, second = one.checkpoint.tensors, other.checkpoint.tensors
    proposal = propose_rules(_kinds(second), _kinds(first))
    renamed = {proposal.names[name]: view for name, view in second.items()}
    found = (dialect_of(subject.checkpoint.tensors, subject.facts) for subject in (one, other))
    first_dialect, second_dialect = (None if dialect is None else dialect.name for dialect in found)
    return PairFacts(
        (one.path, other.path),
        (first_dialect, second_dialect),
        (first, second),
        _compared(first, second),
        proposal,
        _compared(first, renamed),
    )


def _kinds(tensors: Mapping[str, StridedView]) -> dict[str, Kind]:
    return {name: Kind(view.shape, not view.dtype.is_integral) for name, view in tensors.items()}


def _compared(first: Mapping[str, StridedView], second: Mapping[str, StridedView]) -> Compared:
    both = [(name, view, second[name]) for name, view in first.items() if name in second]
    shapes = [
        Different(name, str(list(a.shape)), str(list(b.shape))) for name, a, b in both if a.shape != b.shape
    ]
    dtypes = [Different(name, str(a.dtype), str(b.dtype)) for name, a, b in both if a.dtype != b.dtype]
    return Compared(
        alike=sum(a.shape == b.shape and a.dtype == b.dtype for _, a, b in both),
        only_first=tuple(name for name in first if name not in second),
        only_second=tuple(name for name in second if name not in first),
        shapes=tuple(shapes),
        dtypes=tuple(dtypes),
    )
