"""`keep` and `drop`: a part of the tensors of a source or model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mergec.recipe.no_match import each_matches_nothing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.recipe.pattern import Pattern

T = TypeVar("T")


def apply_keep_drop(
    tensors: Mapping[str, T], keep: Sequence[Pattern] | None, drop: Sequence[Pattern], report: Report
) -> dict[str, T]:
    """The tensors that some pattern of `keep` matches and none of `drop`, in their order.

    Without `keep` all are kept. `drop` works on what `keep` left. Reports MC0125 for each pattern that
    matches nothing.
    """
    kept = dict(tensors)
    if keep is not None:
        wanted = matched_names(keep, tensors, report)
        kept = {name: value for name, value in tensors.items() if name in wanted}
    dropped = matched_names(drop, kept, report)
    return {name: value for name, value in kept.items() if name not in dropped}


def matched_names(patterns: Sequence[Pattern], names: Collection[str], report: Report) -> set[str]:
    """The names that at least one pattern matches, as in `where` and `take`.

    Reports MC0125 for each pattern that matches nothing.
    """
    bound = [pattern.bind(names) for pattern in patterns]
    report.extend(each_matches_nothing((one.pattern, names) for one in bound if not len(one)))
    return {name for one in bound for name in one.matches}
