"""Two checkpoints for machines. `mergec explain inspect` documents the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.cli.inspection.pair_facts import Compared, Different, PairFacts


def pair_document(facts: PairFacts) -> dict[str, Any]:
    """What differs, the rules, and what differs after them."""
    proposal = facts.proposal
    return {
        "a": _side(facts, 0),
        "b": _side(facts, 1),
        **_compared(facts.now),
        "rules": [{"rule": one.value, "lines_up": one.lines_up} for one in proposal.rules],
        "lined_up": proposal.lined_up,
        "after_rules": _compared(facts.after),
        "undecided": [{"a": list(tie.targets), "b": list(tie.sources)} for tie in proposal.ties],
    }


def _side(facts: PairFacts, side: int) -> dict[str, Any]:
    tensors = len(facts.tensors[side])
    return {"path": str(facts.paths[side]), "tensors": tensors, "dialect": facts.dialects[side]}


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "alike": compared.alike,
        "only_in_a": list(compared.only_first),
        "only_in_b": list(compared.only_second),
        "other_shape": _different(compared.shapes),
        "other_dtype": _different(compared.dtypes),
    }


def _different(found: Sequence[Different]) -> list[dict[str, str]]:
    return [{"name": one.name, "a": one.first, "b": one.second} for one in found]
