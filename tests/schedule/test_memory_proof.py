from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import MergecError
from mergec.schedule.memory import LARGEST_TILE, SMALLEST_TILE, HeldThroughout, Need, prove

MIB = 1 << 20
needs = st.builds(
    Need,
    st.integers(1, 1 << 28),
    st.integers(1, 64),
    st.sampled_from([0, 2, 4, 8]),
    st.just("w"),
    fixed=st.integers(0, 1 << 24),
    beside=st.integers(0, 1 << 24),
    row_elements=st.integers(1, 1 << 16),
    block=st.sampled_from([1, 32]),
)


@given(
    st.lists(needs, max_size=5),
    st.integers(0, 50_000),
    st.integers(0, 1 << 28),
    st.integers(1, 1 << 30),
    st.integers(1, 64),
)
def test_what_is_proved_fits_or_is_refused(
    wanted: list[Need], nodes: int, held: int, budget: int, workers: int
) -> None:
    try:
        proof, tile = prove(wanted, HeldThroughout(nodes, held, "f"), (), budget=budget, workers=workers)
    except MergecError as error:
        found = error
    else:
        assert proof.peak <= budget
        assert 1 <= proof.workers <= workers
        assert SMALLEST_TILE <= tile <= LARGEST_TILE
        assert proof.arena_bytes == max((need.arena_bytes(tile) for need in wanted), default=0)
        assert proof.worker_bytes >= proof.arena_bytes + max((n.beside for n in wanted), default=0)
        return
    assert [e.code for e in found.errors] == ["MC0601"]
    assert found.exit_code == 6


def test_a_larger_budget_never_gives_fewer_workers() -> None:
    need = [Need(1 << 26, 40, 0, "w")]
    found = [
        prove(need, HeldThroughout(100, 0, ""), (), budget=budget * MIB, workers=16)[0].workers
        for budget in range(32, 400, 8)
    ]
    assert found == sorted(found)
    assert found[-1] == 16


def test_smaller_tiles_are_preferred_to_fewer_workers() -> None:
    need = [Need(1 << 26, 80, 0, "w")]
    proof, tile = prove(need, HeldThroughout(0, 0, ""), (), budget=64 * MIB, workers=4)
    assert proof.workers == 4
    assert tile < LARGEST_TILE


@pytest.mark.parametrize(
    ("need", "nodes", "held", "named"),
    [
        (Need(1 << 26, 4000, 0, "huge"), 1, 0, "the tensor `huge`"),
        (Need(10, 4, 0, "w"), 1, 1 << 30, "reading `old.pth`"),
        (Need(10, 4, 0, "w"), 10**6, 0, "the tables"),
    ],
)
def test_a_refusal_names_what_needs_the_most_and_how_much(
    need: Need, nodes: int, held: int, named: str
) -> None:
    with pytest.raises(MergecError) as caught:
        prove([need], HeldThroughout(nodes, held, "old.pth"), (), budget=32 * MIB, workers=2)
    (error,) = caught.value.errors
    assert named in error.notes[0]
    assert error.help
    enough = int(error.help.split("`--memory ")[1].split("MiB")[0])
    prove([need], HeldThroughout(nodes, held, "old.pth"), (), budget=enough * MIB, workers=2)
    with pytest.raises(MergecError):
        prove([need], HeldThroughout(nodes, held, "old.pth"), (), budget=(enough - 1) * MIB, workers=2)


def test_any_number_of_workers_may_be_asked_for() -> None:
    proof, _ = prove([Need(10, 4, 0, "w")], HeldThroughout(0, 0, ""), (), budget=1 << 30, workers=10**12)
    assert 100 < proof.workers < 1000
