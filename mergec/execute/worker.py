"""One worker: loads, computes and stores tiles until there are none left."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.execute.arena import Arena, Registers
from mergec.execute.box import box_of, runs
from mergec.execute.copy_range import copy_range
from mergec.execute.errors import IntegersDiffer
from mergec.execute.generated_source import GeneratedSource
from mergec.execute.load import Readable, load_box, load_turned
from mergec.kernels.elementwise import KERNELS, NotIdentical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mergec.execute.run_plan import Sink, Task
    from mergec.ir.plan import Instruction, LoadedLeaf, Plan, Region
    from mergec.ir.strided_view import Shape
    from mergec.sources.byte_source import ByteSource


class Worker:
    """Owns an arena; shares the sources and the sink with the other workers."""

    def __init__(
        self,
        plan: Plan,
        sources: Sequence[ByteSource],
        sink: Sink,
        progress: Callable[[int, int], None],
    ) -> None:
        """Reserve the arena that the plan promised."""
        self._plan = plan
        self._sources = sources
        self._sink = sink
        self._progress = progress
        self._arena = Arena(plan.memory.worker_bytes)

    def run(self, tasks: Iterable[Task]) -> None:
        """Do tasks until there are none.

        Raises:
            MergecError: MC0701 where integers differ, MC02xx from a source, MC08xx from the sink.
        """
        for region, corner, size in tasks:
            if region.is_copy:
                written = self._copy(region, corner[0], size[0])
            else:
                written = self._compute(region, corner, size)
            self._progress(region.tensor, written)

    def _copy(self, region: Region, start: int, count: int) -> int:
        view, target = region.leaves[0].view, region.target
        skipped, nbytes = view.dtype.nbytes(start), view.dtype.nbytes(count)
        source = self._sources[view.file]
        copy_range(
            source,
            view.offset + skipped,
            self._sink,
            (target.file, target.offset + skipped),
            nbytes,
            self._arena.whole,
        )
        return nbytes

    def _compute(self, region: Region, corner: Shape, size: Shape) -> int:
        registers = self._arena.registers(region)
        elements = prod(size)
        for instruction in region.program.instructions:
            if instruction.kernel == "load":
                self._load(region, registers, instruction, corner, size)
            else:
                self._call(region, registers, instruction, elements)
        result = registers.bytes[region.program.result]
        position = 0
        for offset, nbytes in runs(box_of(region.target, corner, size)):
            self._sink.write_at(region.target.file, offset, result[position : position + nbytes])
            position += nbytes
        return position

    def _load(
        self, region: Region, registers: Registers, instruction: Instruction, corner: Shape, size: Shape
    ) -> None:
        leaf = region.leaves[int(instruction.attributes[0])]  # type: ignore[call-overload]
        box = box_of(leaf.view, corner, size)
        source = self._source(leaf)
        if leaf.is_turned:
            register = registers.tensors[instruction.target][: prod(size)]
            load_turned(source, box, register, registers.staging)
        else:
            load_box(source, box, registers.bytes[instruction.target])

    def _source(self, leaf: LoadedLeaf) -> Readable:
        if leaf.generator is not None:
            return GeneratedSource(leaf.generator)
        return self._sources[leaf.view.file]

    def _call(self, region: Region, registers: Registers, instruction: Instruction, elements: int) -> None:
        tensors = registers.tensors
        out = tensors[instruction.target][:elements]
        sources = [tensors[register][:elements] for register in instruction.sources]
        try:
            KERNELS[instruction.kernel](out, sources, *instruction.attributes)
        except NotIdentical as difference:
            name = self._plan.layout.tensors[region.tensor].name
            raise MergecError([IntegersDiffer(tensor=name, element=difference.element)]) from None
