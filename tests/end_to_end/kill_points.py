"""Where builds are killed: at calls of the system, told apart by what a build does with them."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.end_to_end.faulty_system import WRITES, FaultySystem, die

if TYPE_CHECKING:
    import pytest

ANY_INSTANT = "any instant"
PHASES = (
    "reading",
    "weights",
    "journal",
    "matches",
    "kept links",
    "kept copies",
    "other files",
    "fsync",
    "publishing",
    "clearing",
    "lock",
)


class KillPoint(NamedTuple):
    """The call of a number in a phase of a build; a write ends after `torn` bytes, if that is given."""

    phase: str
    number: int
    torn: int | None


_CALLS = {
    **dict.fromkeys(("fsync", "fdatasync"), "fsync"),
    **dict.fromkeys(("link", "dup2"), "kept links"),
    "copy_file_range": "kept copies",
}


def phase_of(call: str, path: str) -> str:
    """What a build is doing that makes a call about a file."""
    name = Path(path).name
    moves = call in {"exchange", "rename", "replace"}
    found = {
        "lock": ".lock" in name,
        "publishing": moves and name.startswith("out"),
        _CALLS.get(call, ""): call in _CALLS,
        "kept links": name.endswith(".linked"),
        "matches": "/matches" in path,
        "journal": ".journal" in name,
        "clearing": call == "unlink",
        "weights": ".safetensors" in name and ".partial" in path,
        "reading": call in {"preadv", "open"},
    }
    return next((phase for phase, is_it in found.items() if is_it), "other files")


class PhasedSystem:
    """Counts the calls of the system by phases, and ends this process at one of them.

    Just before, what it did is written to a file.
    """

    def __init__(self, point: KillPoint | None = None, note: Path | None = None) -> None:
        self._point, self._note = point, note
        self._lock = threading.Lock()
        self._system = FaultySystem(self._act)
        self.counts: Counter[str] = Counter()

    def install(self, patched: pytest.MonkeyPatch) -> None:
        """Stand before the real calls."""
        self._system.install(patched)

    def _act(self, call: str, _number: int) -> int | None:
        phase = phase_of(call, self._system.path)
        with self._lock:
            number = self.counts[phase]
            self.counts[phase] += 1
        if self._point is None or (phase, number) != (self._point.phase, self._point.number):
            return None
        if self._note is not None:
            self._note.write_text(phase)
        if self._point.torn is None or call not in WRITES:
            die()
        return self._point.torn
