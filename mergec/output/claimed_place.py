"""The place beside the output's path where it is made, claimed against other builds."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.output.errors import BuildRunning, OutputExists
from mergec.output.journal import NAME, begin_journal, is_journal, read_journal
from mergec.output.ownership import is_ours, journal_beside, partial_path
from mergec.output.path_lock import lock
from mergec.output.swap import remove

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mergec.ir.plan import OutputLayout
    from mergec.output.journal import Entry


class ClaimedPlace:
    """A `.partial` file or directory and its journal, new or left by a build that was stopped.

    `journaled` is what that build said to have finished, by the tensor's number, and `remark` why what it
    left is not used. What is there before anything is claimed belongs to somebody else.
    """

    def __init__(self, target: Path, *, is_single_file: bool) -> None:
        """The place that belongs to a target; nothing is touched yet."""
        self._target = target
        self._is_single_file = is_single_file
        self.path = partial_path(target)
        self.journal_path = _journal_path(self.path, is_single_file=is_single_file)
        self.journaled: dict[int, Entry] = {}
        self.remark = ""
        self._is_mine = False
        self._locks: list[int] = []

    def claim(self, layout: OutputLayout, *, is_fresh: bool) -> None:
        """Take over what a stopped build left, or remove it, and lock the place.

        Raises:
            MergecError: MC0805 when another build is at work there, MC0801 when what is there is not from
                mergec.
            OSError: the system refuses.
        """
        self._clear_leftover(layout, is_fresh=is_fresh)
        if not self._is_mine:
            self._make()

    def _clear_leftover(self, layout: OutputLayout, *, is_fresh: bool) -> None:
        """Take over or remove what a stopped build left, but neither a running build's files nor others'."""
        if not (self.path.exists() or self.path.is_symlink()):
            if self._is_single_file:
                self._clear_journal()
            return
        leftover = lock(self.path)
        if leftover is None:
            raise self._running()
        try:
            # The journal too tells that it is ours: headers may be cut short, or lost with the power.
            if not (is_ours(self.path) or is_journal(self.journal_path)):
                raise _not_ours(self.path)
            if not is_fresh and self._is_usable(layout):
                self._is_mine = True
                self._locks.append(leftover)
                return
            self._remove_leftover(is_fresh=is_fresh)
        finally:
            if not self._is_mine:
                os.close(leftover)

    def _is_usable(self, layout: OutputLayout) -> bool:
        self.journaled = left_tensors(self._target, layout, is_single_file=self._is_single_file)
        return bool(self.journaled)

    def _remove_leftover(self, *, is_fresh: bool) -> None:
        why = (
            "as a fresh build was asked for" if is_fresh else "where nothing was finished that this one needs"
        )
        self.remark = f"removed {self.path}, which a stopped build left, {why}"
        if self._is_single_file:
            self._clear_journal()
        remove(self.path)

    def _clear_journal(self) -> None:
        path = self.journal_path
        if path.exists() or path.is_symlink():
            if not is_journal(path):
                raise _not_ours(path)
            path.unlink()

    def _make(self) -> None:
        """Make the file or directory that all is written to, and lock it against other builds."""
        try:
            if self._is_single_file:
                self.path.touch(exist_ok=False)
            else:
                self.path.mkdir()
            mine = lock(self.path)
        except (FileExistsError, FileNotFoundError):  # another build came between two of these calls
            mine = None
        if mine is None:
            raise self._running()
        self._is_mine = True
        self._locks.append(mine)
        begin_journal(self.journal_path)  # before any header, which may be cut short

    def _running(self) -> MergecError:
        return MergecError([BuildRunning(path=str(self._target))])

    def clear_all_but(self, files: Collection[Path]) -> None:
        """Remove what a stopped build left and the next one writes anew, such as a config.

        Raises:
            OSError: the system refuses.
        """
        if not self._is_single_file:
            for path in sorted(self.path.iterdir()):
                if path not in files and path != self.journal_path:
                    remove(path)

    def lock_target(self) -> None:
        """Lock what is replaced: for a moment it stands under the name that another build would use."""
        with suppress(OSError):  # mostly there is nothing
            old = lock(self._target)
            if old is not None:
                self._locks.append(old)

    def leave(self) -> None:
        """What is there has been moved away: nothing is left to clear up."""
        self._is_mine = False

    def remove(self) -> None:
        """Remove what is there. What resists is left to the next build."""
        if self._is_mine:
            with suppress(OSError):
                remove(self.path)
            with suppress(OSError):
                remove(self.journal_path)
        self._is_mine = False

    def release(self, *, keep: bool) -> None:
        """Remove what is there, unless it is kept, and unlock."""
        if not keep:
            self.remove()
        self._is_mine = False
        while self._locks:
            os.close(self._locks.pop())


def left_tensors(target: Path, layout: OutputLayout, *, is_single_file: bool) -> dict[int, Entry]:
    """What a stopped build of a layout says to have finished, by the tensor's number. Nothing is touched."""
    path = partial_path(target)
    if path.is_symlink() or path.is_file() != is_single_file:
        return {}
    return read_journal(_journal_path(path, is_single_file=is_single_file), layout) or {}


def _journal_path(partial: Path, *, is_single_file: bool) -> Path:
    return journal_beside(partial) if is_single_file else partial / NAME


def _not_ours(path: Path) -> MergecError:
    return MergecError([OutputExists(path=str(path), help="remove it, or build somewhere else")])
