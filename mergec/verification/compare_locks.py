"""Two locks beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.lock.compare import compare
from mergec.lock.lock_model import LockedDecision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.lock.lock_model import LockedOutput, LockModel


def compare_locks(first: LockModel, second: LockModel) -> dict[str, list[str]]:
    """What differs, in words, by the parts of a lock; only parts that differ are there."""
    found: dict[str, list[str]] = {}
    for one in compare(first, second):
        found.setdefault(one.path[0], []).append(one.what)
    if first.tool.mergec != second.tool.mergec:
        versions = f"mergec {safe(first.tool.mergec)} -> {safe(second.tool.mergec)}"
        found.setdefault("tool", []).insert(0, versions)
    extra = {"sources": _sources(first, second), "decisions": _decisions(first, second)}
    extra["output"] = _output(first.output, second.output)
    for part, lines in extra.items():
        told = list(lines)
        if told:
            found.setdefault(part, []).extend(told)
    return found


def _sources(first: LockModel, second: LockModel) -> Iterator[str]:
    for name in sorted(first.sources.keys() ^ second.sources.keys()):
        yield f"source `{safe(name)}` is {'gone' if name in first.sources else 'new'}"


def _decisions(first: LockModel, second: LockModel) -> Iterator[str]:
    for model in sorted(first.decisions.keys() | second.decisions.keys()):
        old = first.decisions.get(model, LockedDecision()).found
        new = second.decisions.get(model, LockedDecision()).found
        if old == new:
            continue
        if old is None or new is None:
            yield f"permutations of `{safe(model)}`: {'gone' if new is None else 'found'}"
        elif old.permutations != new.permutations:
            reached = f"objective {old.objective:g} -> {new.objective:g}"
            yield f"permutations of `{safe(model)}`: others ({reached})"
        else:
            yield f"permutations of `{safe(model)}`: the same, by another seed or objective"


def _output(old: LockedOutput | None, new: LockedOutput | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield "gone: nothing is built yet" if new is None else "new: it was built"
        return
    if old.merkle != new.merkle:
        yield f"other tensors: Merkle root {old.merkle[:12]}... -> {new.merkle[:12]}..."
    if old.class_ != new.class_:
        yield f"class {old.class_} -> {new.class_}"
    if old.files != new.files:
        count = len({*old.files.items()} ^ {*new.files.items()})
        yield f"files: {len(old.files)} -> {len(new.files)}, {count} entries differ"
    elif old.merkle == new.merkle and old.manifest != new.manifest:
        yield "another manifest"
