"""Tasks that run at once where they may, with the result of running them one after another."""

from __future__ import annotations

import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from types import TracebackType

Item = TypeVar("Item")


def _threads(count: int, name: str) -> ThreadPoolExecutor:
    """Threads that compute as the main thread does."""
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=_as_the_main_thread)


def _as_the_main_thread() -> None:
    """Say nothing of values that are not finite; where torch is in use, ask it how many threads it has.

    That number is set for the process, but a new thread's mathematical library learns of it only when torch
    is asked in that thread; until then it adds up in another order.
    """
    np.seterr(all="ignore")
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.get_num_threads()


class Workers:
    """Threads for clusters, and threads for the blocks of products inside them."""

    def __init__(self, count: int) -> None:
        """Of `count` threads each; a single one needs no threads at all."""
        self.tasks = _threads(count, "match") if count > 1 else None
        self.blocks = _threads(count, "product") if count > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self.tasks, self.blocks):
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def run(self, work: Callable[[range], None], blocks: Iterable[range]) -> None:
        """Do some work for each block, in any order."""
        each = list(blocks)
        if self.blocks is None or len(each) == 1:
            for block in each:
                work(block)
        else:
            for _ in self.blocks.map(work, each):
                pass

    def map(self, work: Callable[[int], Item], items: Iterable[int]) -> list[Item]:
        """What some work makes of each item, in their order."""
        return list(map(work, items)) if self.tasks is None else list(self.tasks.map(work, items))

    def in_order(
        self, order: Sequence[int], neighbours: Callable[[int], Collection[int]], work: Callable[[int], None]
    ) -> None:
        """Do the work of each item once all its neighbours that come earlier in the order are done."""
        if self.tasks is None:
            for item in order:
                work(item)
            return
        places = {item: place for place, item in enumerate(order)}
        after: dict[int, list[int]] = {item: [] for item in order}
        missing = dict.fromkeys(order, 0)
        for item in order:
            for other in neighbours(item):
                if other in places and places[other] < places[item]:
                    after[other].append(item)
                    missing[item] += 1
        running: dict[Future[None], int] = {}
        ready = [item for item in order if not missing[item]]
        while ready or running:
            running |= {self.tasks.submit(work, item): item for item in ready}
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            ready = []
            for future in done:
                future.result()
                for item in after[running.pop(future)]:
                    missing[item] -= 1
                    if not missing[item]:
                        ready.append(item)
            ready.sort(key=places.__getitem__)
