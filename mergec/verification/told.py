"""What was found of an output, as diagnostics: for each kind one, which names the first and counts others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.verification.errors import (
    BytesDiffer,
    FilesDiffer,
    NotTheLockedOutput,
    RebuiltOtherwise,
    TensorsDiffer,
)
from mergec.verification.verified import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.diagnostics import Diagnostic
    from mergec.verification.against_promises import Examined

_MOST = 10


def findings(examined: Examined, rebuilt: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that differs; `rebuilt` tells where tensors do that were computed again."""
    kinds = {
        "file": examined.faults.files,
        "tensor": examined.faults.tensors,
        "bytes": examined.other_bytes,
        "rebuilt": rebuilt,
    }
    for kind, found in kinds.items():
        for name in sorted(found):
            yield Finding(kind, name, found[name])


def diagnostics(
    examined: Examined, rebuilt: Mapping[str, str], notes: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """The same for people, and what a lock says otherwise; `notes` explain what was computed otherwise."""
    files, tensors = examined.faults
    if files:
        name, problem, rest = _parted(files)
        yield FilesDiffer(file=name, problem=problem, more=_others(files), notes=rest)
    if tensors:
        name, problem, rest = _parted(tensors)
        yield TensorsDiffer(tensor=name, problem=problem, more=_others(tensors), notes=rest)
    if examined.other_bytes:
        found = examined.other_bytes
        yield BytesDiffer(tensor=min(found), more=_more(found), notes=_listed(found, sorted(found)))
    if rebuilt:
        notes = (*_listed(rebuilt, sorted(rebuilt)), *notes)
        yield RebuiltOtherwise(tensor=min(rebuilt), more=_more(rebuilt), notes=notes)
    if examined.not_locked and examined.lock is not None:
        lock, (what, *others) = examined.lock, examined.not_locked
        span = lock.span("output")
        yield NotTheLockedOutput(
            span=span, path=str(examined.output.path), lock=str(lock.path), what=what, notes=tuple(others)
        )


def _parted(found: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
    first, *others = sorted(found)
    return first, found[first], _listed(found, others)


def _others(found: Mapping[str, str]) -> str:
    count = len(found) - 1
    return f"; {count:,} more {'differ' if count > 1 else 'differs'}" if count else ""


def _more(found: Mapping[str, str]) -> str:
    return f" and {len(found) - 1:,} more" if len(found) > 1 else ""


def _listed(found: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """A note for each of the first names and what is to be said of it, and one for the rest."""
    notes = [f"`{safe(name)}` {found[name]}" for name in names[:_MOST]]
    if len(names) > _MOST:
        notes.append(f"and {len(names) - _MOST:,} more")
    return tuple(notes)
