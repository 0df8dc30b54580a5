from __future__ import annotations

import threading
import time

import pytest

from mergec.symmetries.matching.in_order import Workers

NEIGHBOURS = {0: [1, 2], 1: [0, 3], 2: [0], 3: [1], 4: []}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_neighbours_are_done_in_their_order(count: int) -> None:
    order = [3, 0, 4, 1, 2]
    started: list[int] = []
    finished: dict[int, list[int]] = {}
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            finished[item] = list(started)
        time.sleep(0.002 * (5 - item))
        with lock:
            started.append(item)

    with Workers(count) as workers:
        workers.in_order(order, NEIGHBOURS.__getitem__, work)
    assert sorted(started) == sorted(order)
    for item in order:
        earlier = [other for other in NEIGHBOURS[item] if order.index(other) < order.index(item)]
        assert set(earlier) <= set(finished[item])


def test_those_without_a_common_neighbour_run_at_once() -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(_: int) -> None:
        both.wait()

    with Workers(2) as workers:
        workers.in_order([0, 4], NEIGHBOURS.__getitem__, meet)


@pytest.mark.parametrize("count", [1, 3])
def test_blocks_and_mistakes_come_back(count: int) -> None:
    def fail(item: int) -> None:
        raise KeyError(item)

    done: list[int] = []
    with Workers(count) as workers:
        workers.run(lambda block: done.append(block.start), [range(i, i + 2) for i in range(6)])
        assert sorted(done) == list(range(6))
        assert workers.map(lambda item: item * item, [3, 1]) == [9, 1]
        with pytest.raises(KeyError):
            workers.in_order([0, 1, 2], NEIGHBOURS.__getitem__, fail)
