"""A reduction over tensors of many names, carried out with torch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mergec.execute.evaluator import Evaluator
from mergec.execute.in_order import in_order
from mergec.execute.tile_computer import one_thread_each
from mergec.symmetries.matching.freed_memory import give_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mergec.ir.plan import JointTask
    from mergec.sources.byte_source import ByteSource


def reduced(
    task: JointTask, sources: Sequence[ByteSource], decisions: Sequence[NDArray[np.generic]]
) -> NDArray[Any]:
    """What the tensors come to; `decisions` are those that were made before."""
    evaluator = Evaluator(sources, decisions)
    with one_thread_each():
        found: NDArray[Any] = _streamed(task, evaluator).numpy()
    give_back()  # what the tiles took is promised to the workers next
    return found


def _streamed(task: JointTask, evaluator: Evaluator) -> torch.Tensor:
    if task.workers == 1:
        return evaluator.reduce(task.reduction)
    # Asking for the number of threads makes a thread keep to the one that was set for all.
    with ThreadPoolExecutor(task.workers, "mergec", initializer=torch.get_num_threads) as pool:
        return evaluator.reduce(task.reduction, partial(in_order, pool, task.workers))
