"""What is left to do, shared out among the workers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from mergec.execute.box import boxes
from mergec.execute.region_groups import region_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.execute.region_groups import Group
    from mergec.ir.plan import Plan, Region
    from mergec.ir.strided_view import Shape


class Box(NamedTuple):
    """A part of a region: the elements with corner <= index < corner + size."""

    corner: Shape
    size: Shape


class Task(NamedTuple):
    """A box of a region to compute, or if there is none the values to make that the region holds.

    Tasks compare by their place in the plan: regions in order, what they hold before their boxes.
    """

    place: tuple[int, int]
    region: Region
    box: Box | None


class SharedTasks:
    """The boxes of all regions in order, each handed to one worker.

    What a region holds is made by one worker, for all regions after it that hold the same. In the meantime
    the others go on to later regions, so that a tensor that has to be looked at before it is computed keeps
    nobody waiting. A worker only makes values when no box is left whose values are there: there are no more
    of them at a time than there are workers.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin with the first region."""
        self._groups = iter(region_groups(plan.regions))
        self._under_way: dict[int, Group] = {}  # by the number of their first region
        self._ready: list[Iterator[Task]] = []  # boxes whose values are there
        self._making = 0
        self._is_stopped = False
        self._changed = threading.Condition()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Task]:
        """The tasks for one worker, who has finished one when it asks for the next."""
        while (task := self._next()) is not None:
            yield task
            if task.box is None:
                self._made(task)

    def _made(self, task: Task) -> None:
        with self._changed:
            self._making -= 1
            self._ready.append(_boxes(self._under_way.pop(task.place[0])))
            self._changed.notify_all()

    def _next(self) -> Task | None:
        with self._changed:
            while not self._is_stopped:
                task = self._box() or self._new_region()
                if task is not None:
                    return task
                if not self._making:
                    return None
                self._changed.wait()
        return None

    def _box(self) -> Task | None:
        while self._ready:
            task = next(self._ready[0], None)
            if task is not None:
                return task
            del self._ready[0]
        return None

    def _new_region(self) -> Task | None:
        for group in self._groups:
            number, region = group[0]
            if region.held:
                self._making += 1
                self._under_way[number] = group
                return Task((number, -1), region, None)
            self._ready.append(_boxes(group))
            task = self._box()
            if task is not None:
                return task
        return None


def _boxes(group: Group) -> Iterator[Task]:
    for number, region in group:
        for at, (corner, size) in enumerate(boxes(region.target.shape, region.tile)):
            yield Task((number, at), region, Box(corner, size))
