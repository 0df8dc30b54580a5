"""A plan carried out by threads. All decisions are in the plan; this only does them."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.execute.computers import Computers
from mergec.execute.read_ahead import ReadAhead
from mergec.execute.shared_tasks import SharedTasks
from mergec.execute.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from mergec.execute.worker import Sink
    from mergec.ir.plan import Plan, Region
    from mergec.sources.byte_source import ByteSource


def run_plan(
    plan: Plan,
    sources: Sequence[ByteSource],
    sink: Sink,
    progress: Callable[[int, int], None],
    decisions: Sequence[NDArray[np.generic]] = (),
    finished: Container[int] = (),
) -> None:
    """Compute every region and hand its bytes to the sink. `progress` is told (tensor, bytes) per tile.

    `decisions` are the vectors that the plan's decisions gave, or give when they are asked for, and
    `finished` the numbers of tensors that the sink has already.

    Raises:
        MergecError: what was met at the first tile that failed; the workers stop after their tile.
        KeyboardInterrupt: likewise.
    """
    plan = replace(plan, regions=tuple(one for one in plan.regions if one.tensor not in finished))
    _make_needed(plan, decisions)
    tasks = SharedTasks(plan)
    with ExitStack() as stack:
        ahead = ReadAhead(plan, sources)
        stack.callback(ahead.stop)

        def done(region: Region, elements: int, written: int) -> None:
            ahead.note_read(region, elements)
            progress(region.tensor, written)

        computers = Computers(plan, sources, sink, decisions)
        workers = [Worker(plan, sources, sink, done, computers) for _ in range(plan.memory.workers)]
        stack.enter_context(_inner_threads_off(computers))
        if len(workers) == 1:
            workers[0].run(tasks)
            return
        with ThreadPoolExecutor(len(workers), "mergec", initializer=_thread_initializer(computers)) as pool:
            started = [pool.submit(_run, worker, tasks) for worker in workers]
            try:
                wait(started, return_when=FIRST_EXCEPTION)
            finally:
                tasks.stop()
        failures = [(worker.place, f.exception()) for worker, f in zip(workers, started, strict=True)]
        _raise_first([(place, failure) for place, failure in failures if failure is not None])


def _make_needed(plan: Plan, decisions: Sequence[NDArray[np.generic]]) -> None:
    """Ask for the decisions that the regions rest on: the proof counts them before the workers begin."""
    leaves = (leaf for region in plan.regions for leaf in region.all_leaves)
    for number in sorted({leaf.decision for leaf in leaves if leaf.decision is not None}):
        decisions[number]


def _run(worker: Worker, tasks: SharedTasks) -> None:
    try:
        worker.run(tasks)
    finally:
        tasks.stop()  # there is nothing left, or a failure that the others should know of at once


def _raise_first(failures: list[tuple[tuple[int, int], BaseException]]) -> None:
    """Raise that of the earliest task."""
    if failures:
        raise min(failures, key=lambda failure: failure[0])[1]


def _thread_initializer(computers: Computers) -> Callable[[], object] | None:
    """Asking for the number of inner threads makes a thread keep to the one that was set for all."""
    if not computers.use_torch:
        return None
    import torch

    return torch.get_num_threads


def _inner_threads_off(computers: Computers) -> AbstractContextManager[None]:
    if not computers.use_torch:
        return nullcontext()
    from mergec.execute.tile_computer import one_thread_each

    return one_thread_each()
