from __future__ import annotations

import io

from rich.console import Console

from mergec.cli.match_bar import _Bar
from mergec.cli.match_clock import MatchClock
from mergec.symmetries.matching.solution import Step
from tests.cli.test_match_clock import task


def drawn(clock: MatchClock, width: int) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False)
    bar = _Bar(clock, console)
    for line in bar.get_renderables():
        console.print(line)
    return stream.getvalue()


def test_a_line_that_fits() -> None:
    now = [0.0]
    clock = MatchClock(lambda: now[0])
    assert "matching" in drawn(clock, 80)
    now[0] = 20.0
    clock.note(task("b"), Step(1, 2, 8, 33, "model.layers.3/kv", 1234.5678))
    for width in (80, 120):
        text = drawn(clock, width)
        assert text.count("\n") == 1
        assert len(text.rstrip("\n")) <= width - 3
        for part in ("b to anchor, sweep 2", "8/33", "model.layers", "obj 1234.6", "0:01:02 left"):
            assert part in text, text


def test_names_are_made_harmless() -> None:
    clock = MatchClock()
    clock.note(task("\x1b[31mb"), Step(1, 0, 1, 2, "g\x07", 1.0))
    text = drawn(clock, 100)
    assert "\x1b" not in text
    assert "\x07" not in text
