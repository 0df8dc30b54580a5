"""What a build takes over and what it makes, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.cli.columns import in_columns
from mergec.cli.name_groups import collapsed, number_range
from mergec.diagnostics import safe
from mergec.recipe.block_index import block_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.cli.reuse.why_made import MadeAlike
    from mergec.output.reuse import Reuse

_MOST_PATTERNS = 2


def reuse_lines(reuse: Reuse, made: Sequence[MadeAlike]) -> Iterator[str]:
    """How many tensors are there already, then a line for each reason to make others."""
    left = f", {len(reuse.resumed):,} of them from a stopped build" if reuse.resumed else ""
    yield f"{reused_text(reuse)}{left}"
    yield from made_lines(made)


def reused_text(reuse: Reuse) -> str:
    """`187 of 291 reused`."""
    return f"{len(reuse.kept):,} of {len(reuse.kept) + len(reuse.others):,} reused"


def made_lines(made: Sequence[MadeAlike]) -> Iterator[str]:
    """A line for each reason to make tensors, with their number and where they are."""
    rows = [(f"{len(one.names):,} made", one.why, _places(one.names)) for one in made]
    yield from in_columns(rows, right={0})


def _places(names: Sequence[str]) -> str:
    """The layers that tensors are in, if they are in those of one stack alone; else patterns of names."""
    patterns = collapsed(names)
    blocks = {block_index(name) for name in names}
    stacks = {block[0] for block in blocks if block is not None}
    if len(patterns) > _MOST_PATTERNS and None not in blocks and len(stacks) == 1:
        numbers = sorted(block[1] for block in blocks if block is not None)
        return safe(f"{stacks.pop()}{number_range(tuple(numbers))}")
    more = f" and {len(patterns) - _MOST_PATTERNS} more" if len(patterns) > _MOST_PATTERNS else ""
    return f"{', '.join(patterns[:_MOST_PATTERNS])}{more}"


def reuse_document(reuse: Reuse, made: Sequence[MadeAlike]) -> dict[str, Any]:
    """The same for machines, with the names of all tensors that are made."""
    return {
        "tensors": len(reuse.kept) + len(reuse.others),
        "reused": len(reuse.kept),
        "from_stopped_build": len(reuse.resumed),
        "unknown": sum(why.is_unknown for why in reuse.others.values()),
        "made": [{"kind": one.kind, "why": one.why, "tensors": list(one.names)} for one in made],
    }
