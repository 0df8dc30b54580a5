"""Which weights of a checkpoint are quantised, how, and whether they can be made dense."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from mergec.sources.quantised.gguf_blocks import gguf_groups
from mergec.sources.quantised.group import Stored
from mergec.sources.quantised.recognise import recognise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.cli.inspection.subject import Subject
    from mergec.sources.quantised.group import Group


@dataclass(frozen=True, slots=True)
class QuantisedFacts:
    """All weights of one quantisation. `problem` says why mergec does not make them dense, if it does not."""

    what: str
    weights: tuple[str, ...]
    tensors: int
    parameters: int | None
    problem: str


def quantised_groups(subject: Subject) -> list[Group]:
    """Every quantised weight of the checkpoint, in its order."""
    stored = Stored(subject.checkpoint.tensors, subject.facts.config, subject.facts.read_values)
    return [*gguf_groups(stored, subject.checkpoint.block_types), *recognise(stored)]


def quantised_facts(groups: Sequence[Group]) -> list[QuantisedFacts]:
    """The quantisations, in the order of their first weights."""
    kinds: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        kinds.setdefault((group.what, group.problem), []).append(group)
    return [
        QuantisedFacts(
            what,
            tuple(group.name for group in those),
            sum(len(group.members) for group in those),
            None if problem else sum(prod(group.dense.shape) for group in those if group.dense is not None),
            problem,
        )
        for (what, problem), those in kinds.items()
    ]


def dense_elements(groups: Sequence[Group]) -> dict[str, int]:
    """How many parameters each tensor of a quantised weight stands for: one of them for all."""
    found: dict[str, int] = {}
    for group in groups:
        if group.dense is not None:
            found.update(dict.fromkeys(group.members, 0))
            found[group.dense.parts[0]] = prod(group.dense.shape)
    return found
