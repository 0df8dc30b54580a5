"""The tensors of a model, without a checkpoint being written."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics.held_signals import signals_held
from mergec.ir.expression import Tensor
from mergec.ir.graph import OutputTensor
from mergec.pipeline.planning import make_build_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.execute.tensors_in_memory import TensorsInMemory
    from mergec.ir.graph import CheckedGraph
    from mergec.ir.model_table import ModelTable
    from mergec.pipeline.compiling import Compiled
    from mergec.pipeline.options import Options


@contextmanager
def tensors_of(compiled: Compiled, model: ModelTable, options: Options) -> Iterator[TensorsInMemory]:
    """The tensors of a model that the output is made of, each computed when it is asked for.

    Raises:
        MergecError: MC0601 when the budget is too small; MC02xx and MC07xx, here or from a tensor.
    """
    from mergec.execute.differing_inputs import inputs_named

    checked = replace(compiled.checked, outputs=tuple(_outputs(compiled.checked, model)))
    plan = make_build_plan(replace(compiled, checked=checked), options)
    with signals_held():
        from mergec.execute.decide import decide  # torch
        from mergec.execute.tensors_in_memory import TensorsInMemory
    with ExitStack() as stack:
        sources = compiled.opened(stack)
        stack.enter_context(inputs_named(checked, compiled.sources.names))
        yield TensorsInMemory(plan, sources, decide(plan, sources, None).vectors)


def _outputs(checked: CheckedGraph, model: ModelTable) -> Iterator[OutputTensor]:
    """The tensors of a model in the dtypes that they are stored in."""
    for name, entry in model.entries.items():
        value = Tensor(checked.graph, entry.node)
        yield OutputTensor(name, (value.cast(entry.dtype) if entry.dtype.is_float else value).node)
