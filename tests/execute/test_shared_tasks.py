from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.execute.shared_tasks import SharedTasks, Task
from mergec.ir.reductions import sums
from tests.execute.bench import Bench

if TYPE_CHECKING:
    from mergec.ir.plan import Plan


@pytest.fixture
def plan() -> Plan:
    """Three tensors; the second and third are divided by their sums."""
    bench = Bench()
    for at in range(3):
        leaf = bench.leaf(np.ones((4, 50), np.float32))
        bench.outputs[str(at)] = leaf / sums([leaf])[0] if at else leaf * 2.0
    return bench.plan()


def names(tasks: list[Task]) -> list[tuple[int, int]]:
    return [task.place for task in tasks]


@pytest.mark.usefixtures("small_tiles")
class TestSharedTasks:
    def test_one_worker_makes_what_a_region_holds_and_then_its_boxes(self, plan: Plan) -> None:
        found = names(list(SharedTasks(plan)))
        assert found == sorted(found)
        assert {(1, -1), (2, -1), (0, 3), (1, 3)} <= set(found)
        assert (0, -1) not in found

    def test_another_worker_goes_on_to_the_next_region_meanwhile(self, plan: Plan) -> None:
        shared = SharedTasks(replace(plan, regions=plan.regions[1:]))
        one, two = iter(shared), iter(shared)
        assert names([next(one), next(two)]) == [(0, -1), (1, -1)]
        assert next(two).place == (1, 0)  # what it has made is there
        assert next(one).place == (1, 1)  # helps, as boxes are left whose values are there

    def test_who_finds_nothing_waits_for_what_is_being_made(self, plan: Plan) -> None:
        shared = SharedTasks(replace(plan, regions=plan.regions[1:2]))
        one = iter(shared)
        assert next(one).place == (0, -1)
        found: list[Task] = []
        thread = threading.Thread(target=lambda: found.extend(shared))
        thread.start()
        rest = list(one)
        thread.join()
        assert sorted(names([*found, *rest])) == [(0, at) for at in range(len(found) + len(rest))]

    def test_who_waits_is_told_to_stop(self, plan: Plan) -> None:
        shared = SharedTasks(replace(plan, regions=plan.regions[1:2]))
        assert next(iter(shared)).box is None
        found: list[Task] = []
        thread = threading.Thread(target=lambda: found.extend(shared))
        thread.start()
        shared.stop()
        thread.join()
        assert not found
