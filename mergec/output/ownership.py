"""Whether what stands at the output path may be replaced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.output.errors import OutputExists, OutputIsSource
from mergec.output.manifest import foreign_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mergec.diagnostics import Report

_LARGEST_HEADER = 100_000_000
# The ending of an output that is being made.
PARTIAL = ".partial"


def check_target(target: Path, inputs: Iterable[Path], *, force: bool, report: Report) -> None:
    """Report MC0801 and MC0802 when building to `target` would harm something."""
    resolved = target.resolve()
    # What a killed build left under the second name is removed, so no source may stand there either.
    places = {resolved, resolved.with_name(resolved.name + PARTIAL)}
    for path in inputs:
        source = path.resolve()
        if not places.isdisjoint((source, *source.parents)):
            report.add(OutputIsSource(path=str(target)))
            return
    if force or not (target.exists() or target.is_symlink()):
        return
    if not target.is_dir():
        if not is_ours(target):
            report.add(OutputExists(path=str(target)))
        return
    foreign = foreign_files(target)
    if foreign is None:
        foreign = sorted(path.name for path in target.iterdir())  # an empty folder harms nobody
    if foreign:
        others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        note = f"it holds `{safe(foreign[0])}`{others}, which mergec did not write"
        report.add(OutputExists(path=str(target), notes=(note,)))


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
