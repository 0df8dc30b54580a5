"""A lock that is named by its own path, not by that of its recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.lock.errors import LockOfAnotherRecipe
from mergec.lock.lock_file import lock_path, read_lock

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.lock.lock_file import Lock


def read_lock_at(path: Path) -> Lock:
    """The lock at a path.

    Raises:
        MergecError: MC0850 to MC0853; MC0854 where it lies under another name than its recipe gives it.
    """
    try:
        return read_lock(path.with_suffix(".yaml"))
    except MergecError as error:
        one = error.errors[0]
        if isinstance(one, LockOfAnotherRecipe) and lock_path(path.with_name(one.other)) == path:
            return read_lock(path.with_name(one.other))
        raise
