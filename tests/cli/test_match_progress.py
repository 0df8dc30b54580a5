from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mergec.cli.match_progress import _InTurn, build_progress, is_shown, matching_progress
from mergec.cli.settings import Settings
from mergec.ir.plan import MemoryProof, OutputLayout, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

PLAN = Plan(OutputLayout((), (), None), (), MemoryProof(0, 1, 0, 0, 0, 0, ""), 0, 0)


def test_nothing_is_shown_without_a_terminal_or_if_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_shown(Settings())
    with matching_progress(Settings()) as steps:
        assert steps is None
    with build_progress(PLAN, Settings(is_verbose=True)) as (tiles, steps):
        tiles(0, 1)
        assert steps is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert is_shown(Settings())
    assert not is_shown(Settings(is_quiet=True))
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_shown(Settings())


def test_the_second_display_begins_once_the_first_has_ended() -> None:
    told: list[str] = []
    first = ExitStack()
    first.callback(told.append, "end")

    def begin() -> Callable[[int, int], None]:
        told.append("begin")
        return lambda tensor, nbytes: told.append(f"{tensor} {nbytes}")

    tiles = _InTurn(first, begin)
    assert told == []
    threads = [threading.Thread(target=tiles, args=(number, 1)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told[:2] == ["end", "begin"]
    assert sorted(told[2:]) == [f"{number} 1" for number in range(8)]
