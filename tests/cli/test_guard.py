from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

import click
import pytest

from mergec.cli.guard import Terminated, run_guarded
from mergec.cli.settings import Settings
from mergec.diagnostics import MergecError, Report
from mergec.recipe.errors import EmptyRecipe
from mergec.schedule.errors import BudgetTooSmall

if TYPE_CHECKING:
    from collections.abc import Callable


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def action() -> NoReturn:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MergecError([EmptyRecipe()]), 1),
        (MergecError([BudgetTooSmall(needed="2 GiB", budget="1 GiB")]), 6),
        (MemoryError(), 6),
        (ZeroDivisionError("half"), 7),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
)
def test_every_end_has_its_exit_code(error: BaseException, code: int) -> None:
    assert run_guarded(raising(error), Settings()) == code


def test_a_good_end() -> None:
    assert run_guarded(Report, Settings()) == 0


def test_usage_is_clicks_business() -> None:
    with pytest.raises(click.UsageError):
        run_guarded(raising(click.UsageError("no")), Settings())


def test_a_fault_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    run_guarded(raising(ZeroDivisionError("half\x1b[31m")), Settings())
    told = capsys.readouterr().err
    assert "error[MC0901]: a fault of mergec itself: ZeroDivisionError: half\\x1b[31m" in told
    assert "help: please report it" in told
    assert "Traceback" not in told
    assert "test_guard" not in told


def test_with_verbose_a_fault_shows_where_it_happened(capsys: pytest.CaptureFixture[str]) -> None:
    run_guarded(raising(ZeroDivisionError()), Settings(is_verbose=True))
    assert "test_guard.py" in capsys.readouterr().err


def test_an_interruption_is_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    run_guarded(raising(KeyboardInterrupt()), Settings())
    assert capsys.readouterr().err == "interrupted\n"


def test_sigterm_ends_the_command_and_the_old_handler_returns() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run_guarded(lambda: signal.raise_signal(signal.SIGTERM), Settings()) == 143
    assert signal.getsignal(signal.SIGTERM) is before
