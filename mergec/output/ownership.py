"""Whether what stands at the output path may be replaced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.output.errors import CannotWrite, OutputExists, OutputIsSource
from mergec.output.manifest import changed_files, foreign_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mergec.diagnostics import Diagnostic, Report

_LARGEST_HEADER = 100_000_000
# The ending of an output that is being made.
PARTIAL = ".partial"


def check_target(target: Path, inputs: Iterable[Path], *, force: bool, report: Report) -> None:
    """Report MC0801, MC0802 and MC0804 when building to `target` would harm something or cannot be."""
    try:
        found = _harm(target, inputs, force=force)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        problem = (error.strerror if isinstance(error, OSError) else None) or "its links lead in a circle"
        found = CannotWrite(path=str(target), problem=problem)
    if found is not None:
        report.add(found)


def partial_path(target: Path) -> Path:
    """Where an output is made before it is moved to its place."""
    return target.with_name(target.name + PARTIAL)


def journal_beside(partial: Path) -> Path:
    """Where the journal of a single file is while that is made."""
    return partial.with_name(f"{partial.name}.journal")


def _harm(target: Path, inputs: Iterable[Path], *, force: bool) -> Diagnostic | None:
    resolved = target.resolve()
    if not resolved.name:
        return CannotWrite(path=str(target), problem="it is the root of all folders")
    # What a stopped build left under the other names is removed, so no source may stand there either.
    partial = partial_path(resolved)
    places = {resolved, partial, journal_beside(partial)}
    for path in inputs:
        source = path.resolve()
        if not places.isdisjoint((source, *source.parents)):
            return OutputIsSource(path=str(target))
    if force or not (target.exists() or target.is_symlink()):
        return None
    if not target.is_dir():
        return None if is_ours(target) else OutputExists(path=str(target))
    foreign = foreign_files(target)
    if foreign is None:
        foreign = sorted(path.name for path in target.iterdir())  # an empty folder harms nobody
    if foreign:
        return _exists(target, foreign, "which mergec did not write")
    changed = changed_files(target)
    return _exists(target, changed, "which somebody changed") if changed else None


def _exists(target: Path, names: Sequence[str], why: str) -> OutputExists:
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return OutputExists(path=str(target), notes=(f"it holds `{safe(names[0])}`{others}, {why}",))


def is_ours(target: Path) -> bool:
    """Whether a mergec, killed or done, wrote what is there: told by the headers. Empty counts as ours."""
    if target.is_file():
        return _has_mark(target)
    if not target.is_dir():
        return False
    weights = sorted(target.glob("*.safetensors"))
    if not weights:
        return not any(target.iterdir())
    return all(_has_mark(path) for path in weights)


def _has_mark(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            if not start:
                return True
            length = int.from_bytes(start, "little")
            if length > _LARGEST_HEADER:
                return False
            metadata = json.loads(stream.read(length)).get("__metadata__", {})
        return isinstance(metadata, dict) and "mergec" in metadata
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
