"""The rules that could turn one name into another, from the most specific to the most general."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from mergec.recipe.proposals.rewrite import Rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.recipe.proposals.families import Segments

_LONGEST_CONTEXT = 3  # segments kept on each side of what changes, where it does not begin the name


def candidates(pairs: Iterable[tuple[Segments, Segments]]) -> list[Rewrite]:
    """The rules that any of these changes of a name suggests, those that most of them suggest first."""
    found: Counter[Rewrite] = Counter()
    for source, target in pairs:
        found.update({rewrite.normal(): 1 for rewrite in _of_pair(source, target) if rewrite.is_usable})
    return [rewrite for rewrite, _ in found.most_common()]


def differing(source: Segments, target: Segments) -> int:
    """How many segments are not what they should be."""
    codes = SequenceMatcher(None, source, target, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in codes if tag != "equal")


def _of_pair(source: Segments, target: Segments) -> Iterator[Rewrite]:
    codes = SequenceMatcher(None, source, target, autojunk=False).get_opcodes()
    yield Rewrite(source, target)
    for at, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            continue
        before = codes[at - 1][2] - codes[at - 1][1] if at else 0
        after = codes[at + 1][2] - codes[at + 1][1] if at + 1 < len(codes) else 0
        for kept in range(after + 1):
            end, new_end = i2 + kept, j2 + kept
            has_rest = end < len(source)
            yield Rewrite(source[:end], target[:new_end], has_rest=has_rest)
            for context in range(min(before, _LONGEST_CONTEXT) + 1):
                start, new_start = i1 - context, j1 - context
                if start > 0 and kept <= _LONGEST_CONTEXT:
                    yield Rewrite(source[start:end], target[new_start:new_end], True, has_rest)  # noqa: FBT003
