"""System calls that fail, are cut short, or are the last that a process makes."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from mergec.output import swap

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

# All calls with which a build changes what is on the disk, or reads back what it wrote. The first argument
# but one of a write is its bytes.
WRITES = ("pwrite", "write")
CALLS = (
    *WRITES,
    "open",
    "preadv",
    "copy_file_range",
    "ftruncate",
    "fsync",
    "fdatasync",
    "mkdir",
    "link",
    "rename",
    "replace",
    "unlink",
    "dup2",
)


class FaultySystem:
    """Counts calls of the system, and has `act` decide what becomes of each.

    `act(name, number)` is called before the call of that number, counted over all names; with `each`,
    over that name alone. It may raise. Where it gives a number of bytes, a write stops after so many.
    """

    def __init__(self, act: Callable[[str, int], int | None], *, each: bool = False) -> None:
        self._act = act
        self._each = each
        self._lock = threading.Lock()
        self._calls = threading.local()
        self.counts: dict[str, int] = {}

    def install(self, patched: pytest.MonkeyPatch) -> None:
        """Stand before the real calls."""
        for name in CALLS:
            patched.setattr(os, name, self._wrapped(name, getattr(os, name)))
        patched.setattr(swap, "_exchange", self._wrapped("exchange", swap._exchange))

    @property
    def total(self) -> int:
        """How many calls there were."""
        return sum(self.counts.values())

    @property
    def path(self) -> str:
        """What the call that `act` decides on is about, as far as the system tells."""
        return str(self._calls.path)

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                number = self.counts.get(name, 0) if self._each else self.total
                self.counts[name] = self.counts.get(name, 0) + 1
            self._calls.path = _path(arguments[0])
            count = self._act(name, number)
            if count is not None and name in WRITES:
                real(arguments[0], bytes(arguments[1][:count]), *arguments[2:])
                die()
            return real(*arguments, **options)

        return call


def _path(file: object) -> str:
    if isinstance(file, int):
        try:
            return os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115  # pathlib calls what stands here
        except OSError:
            return ""
    return os.fspath(file) if isinstance(file, str | os.PathLike) else ""


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)
