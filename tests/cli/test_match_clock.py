from __future__ import annotations

import pytest

from mergec.cli.match_clock import MatchClock
from mergec.ir.matching import Matching, MatchUse
from mergec.ir.plan import MatchTask
from mergec.ir.symmetry import Symmetry
from mergec.symmetries.matching.solution import Step

CLUSTERS = 4


def task(*together: str) -> MatchTask:
    use = MatchUse("made", together[0], "anchor", 0, together)
    return MatchTask(Matching(Symmetry((), ()), len(together), 0, 9), (), (use,), 1, 0)


class Matcher:
    """Tells a clock of steps, at the times that it is given."""

    def __init__(self) -> None:
        self.now = 100.0
        self.clock = MatchClock(lambda: self.now)
        self.task = task("b", "c")

    def step(self, seconds: float, sweep: int, done: int, model: int = 1) -> None:
        self.now += seconds
        self.clock.note(self.task, Step(model, sweep, done, CLUSTERS, f"g{done}", 1.0))


@pytest.fixture
def matcher() -> Matcher:
    return Matcher()


def test_nothing_is_known_before_the_first_step(matcher: Matcher) -> None:
    assert matcher.clock.left() is None
    assert matcher.clock.what == "matching"


def test_a_first_sweep_is_judged_by_its_own_share(matcher: Matcher) -> None:
    matcher.step(10, 0, 1)
    assert matcher.clock.left() == pytest.approx(30)
    matcher.step(2, 0, 2)
    assert matcher.clock.left() == pytest.approx(12)
    matcher.now += 6
    assert matcher.clock.left() == pytest.approx(18)


def test_a_later_sweep_is_judged_by_the_one_before_at_first(matcher: Matcher) -> None:
    for done in range(1, CLUSTERS + 1):
        matcher.step(10, 0, done)
    assert matcher.clock.left() == 0
    matcher.step(1, 1, 1)  # a quarter is done in a second: by itself three are left, by the last one 39
    assert matcher.clock.left() == pytest.approx(0.25 * 3 + 0.75 * 39)
    matcher.step(1, 1, 3)
    assert matcher.clock.left() == pytest.approx(0.75 * 2 / 3 + 0.25 * 38)


def test_a_sweep_that_takes_longer_than_the_one_before(matcher: Matcher) -> None:
    for done in range(1, CLUSTERS + 1):
        matcher.step(1, 0, done)
    matcher.step(10, 1, 2)
    assert matcher.clock.left() == pytest.approx(0.5 * 10)


def test_another_model_is_judged_afresh(matcher: Matcher) -> None:
    for done in range(1, CLUSTERS + 1):
        matcher.step(100, 0, done)
    matcher.step(1, 0, 1, model=2)
    assert matcher.clock.left() == pytest.approx(3)


def test_another_match_is_judged_afresh(matcher: Matcher) -> None:
    for done in range(1, CLUSTERS + 1):
        matcher.step(100, 0, done)
    matcher.task = task("d")
    matcher.step(1, 0, 1)
    assert matcher.clock.left() == pytest.approx(3)
    assert matcher.clock.what == "d to anchor, start"


def test_what_is_being_matched(matcher: Matcher) -> None:
    matcher.step(1, 0, 1)
    assert matcher.clock.what == "b to anchor, start"
    matcher.step(1, 2, 1, model=2)
    assert matcher.clock.what == "c to anchor, sweep 2"
    matcher.step(1, 1, 1, model=0)
    assert matcher.clock.what == "anchor, sweep 1"
