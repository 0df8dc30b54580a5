"""An expression -> a register program."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from mergec.ir.primitive import Locality
from mergec.ir.primitives import CAST, FILL, FINITE, WITH_DEGREE
from mergec.ir.program import Instruction, Program, Register
from mergec.ir.random_primitives import VIEWED

if TYPE_CHECKING:
    from mergec.ir.dtype import DType
    from mergec.ir.graph import Graph, Node, NodeId
    from mergec.schedule.streams import Streams

    # A node's value in a dtype.
    Typed = tuple[NodeId, DType]

# A degree changes no value: it is a cast to the same.
_CASTS = {CAST, WITH_DEGREE}
# Kernels that leave all bits as they are.
_MOVING = {"load", "gather"}
# What a kernel of a whole value may take beside its operands where its primitive does not say: they
# and the result once more.
_COPIES = 2


@dataclass(slots=True)
class Assembler:
    """Assigns a register to each value and frees it after its last use; so too to what it is widened to.

    Several `roots` are for a reduction. `streams` says what is streamed and what is held; None assembles
    a program of whole tensors.
    """

    graph: Graph
    roots: tuple[NodeId, ...]
    order: list[NodeId]
    streams: Streams | None = None
    reduces: bool = False
    _registers: list[Register] = field(default_factory=list)
    _free: defaultdict[Register, list[int]] = field(default_factory=lambda: defaultdict(list))
    _uses: Counter[Typed] = field(default_factory=Counter)
    _at: dict[Typed, int] = field(default_factory=dict)
    _code: list[Instruction] = field(default_factory=list)
    _leaves: int = 0
    _scratch: int = 0

    def program(self, dtype: DType | None = None) -> Program:
        """The program for the first root's value, in `dtype` where one is given."""
        self._count_uses()
        for node_id in self.order:
            self._at[self._plain(node_id)] = self._place(node_id, self.graph[node_id])
        result = self._at[self._plain(self.roots[0])]
        if dtype is not None and self._registers[result].dtype is not dtype:
            target = self._take(self._registers[result]._replace(dtype=dtype))
            self._code.append(Instruction("cast", target, (result,)))
            result = target
        computes = any(i.kernel not in _MOVING for i in self._code)
        results = tuple(self._at[self._plain(root)] for root in self.roots) if self.reduces else ()
        is_stored = self.streams is not None and not self.reduces
        if is_stored and self._registers[result].dtype.is_float and computes:
            self._code.append(Instruction("settle_nans", result, ()))
        by_rows = self.streams is not None and self.streams.by_rows
        return Program(
            tuple(self._registers),
            tuple(self._code),
            result,
            by_rows=by_rows,
            block=max(map(self._block, self.order)) if by_rows else 1,
            scratch=self._scratch,
            results=results,
        )

    def _count_uses(self) -> None:
        """Of each value in each dtype; being widened is a use too, and happens once."""
        wanted = Counter((i, self._wanted(node, i)) for node in self.order for i in self._streamed(node))
        self._uses = wanted + Counter(self._plain(i) for i, dtype in wanted if dtype is not self._dtype(i))
        self._uses.update(self._plain(root) for root in self.roots)

    def _wanted(self, user: NodeId, operand: NodeId) -> DType:
        """The dtype in which a node takes an operand."""
        node = self.graph[user]
        is_uniform = node.primitive.locality is Locality.UNIFORM and operand != node.inputs[0]
        is_arithmetic = node.primitive.locality in {Locality.ELEMENTWISE, Locality.UNIFORM}
        if node.primitive in _CASTS or is_uniform or not is_arithmetic:
            return self._dtype(operand)
        return node.type.dtype

    def _dtype(self, node_id: NodeId) -> DType:
        return self.graph.type(node_id).dtype

    def _plain(self, node_id: NodeId) -> Typed:
        return node_id, self._dtype(node_id)

    def _block(self, node_id: NodeId) -> int:
        """What the number of rows of a tile has to be a multiple of, for this node's sake."""
        node = self.graph[node_id]
        if node.primitive.locality is not Locality.ROWWISE:
            return 1
        return node.primitive.block(tuple(self.graph.type(i) for i in node.inputs))

    def _streamed(self, node_id: NodeId) -> tuple[NodeId, ...]:
        """The operands that have registers."""
        node = self.graph[node_id]
        if self.streams is None:
            return node.inputs
        return tuple(i for at, i in enumerate(node.inputs) if node.primitive.streams(at))

    def _register(self, node: Node, dtype: DType | None = None) -> Register:
        dtype = dtype or node.type.dtype
        shape = node.type.shape
        if self.streams is None:
            return Register(dtype, shape, is_single=True)
        if not self.streams.by_rows:
            return Register(dtype)
        return Register(dtype, shape[1:], is_single=self.streams.is_single(shape))

    def _place(self, node_id: NodeId, node: Node) -> int:
        primitive = node.primitive
        if self._is_loaded(node_id):
            return self._load(self._register(node))
        if primitive is FILL:
            target = self._take(self._register(node))
            self._code.append(Instruction("fill", target, (), (node.attributes[2],)))
            return target
        if primitive in _CASTS:
            operand = self._plain(node.inputs[0])
            source = self._use(operand)
            self._release(operand)
            target = self._take(self._register(node))
            self._code.append(Instruction("cast", target, (source,)))
            return target
        if primitive.locality in {Locality.ELEMENTWISE, Locality.UNIFORM}:
            return self._elementwise(node_id, node)
        return self._mixing(node_id, node)

    def _elementwise(self, node_id: NodeId, node: Node) -> int:
        operands = [self._operand(i, self._wanted(node_id, i)) for i in self._streamed(node_id)]
        sources = tuple(self._use(operand) for operand in operands)
        for operand in dict.fromkeys(operands):
            self._release(operand)
        target = self._take(self._register(node))
        attributes = node.attributes
        if node.primitive is FINITE:
            attributes = (self._leaf_below(node.inputs[0]),)
        held = () if self.streams is None else self.streams.held_by(node_id)
        self._code.append(Instruction(node.primitive.name, target, sources, attributes, held))
        self._scratch = max(self._scratch, _scratch(self.graph, node))
        return target

    def _mixing(self, node_id: NodeId, node: Node) -> int:
        """A kernel that reads elements after it has written others: its result needs a place of its own."""
        operands = [self._plain(i) for i in self._streamed(node_id)]
        sources = tuple(self._use(operand) for operand in operands)
        target = self._take(self._register(node))
        for operand in dict.fromkeys(operands):
            self._release(operand)
        held = () if self.streams is None else self.streams.held_by(node_id)
        self._code.append(Instruction(node.primitive.name, target, sources, node.attributes, held))
        self._scratch = max(self._scratch, _scratch(self.graph, node))
        return target

    def _leaf_below(self, node_id: NodeId) -> int:
        """The number of the leaf that a value is, or is made of; -1 where there are several."""
        leaves = [node for node in self.order if self._is_loaded(node)]
        below = set(self.graph.leaves(node_id))
        found = [number for number, leaf in enumerate(leaves) if leaf in below]
        return found[0] if len(found) == 1 else -1

    def _is_loaded(self, node_id: NodeId) -> bool:
        primitive = self.graph[node_id].primitive
        if self.streams is not None and (
            node_id in self.streams.held_leaves or node_id in self.streams.picked
        ):
            return True
        return primitive in VIEWED or primitive.locality in {Locality.REDUCE, Locality.DECISION}

    def _load(self, register: Register) -> int:
        target = self._take(register)
        self._code.append(Instruction("load", target, (), (self._leaves,)))
        self._leaves += 1
        return target

    def _operand(self, node_id: NodeId, dtype: DType) -> Typed:
        """A node's value in a dtype: widened when it is first wanted, and kept as long as it is."""
        operand = (node_id, dtype)
        if operand not in self._at:
            plain = self._plain(node_id)
            source = self._use(plain)
            copy = self._take(self._registers[source]._replace(dtype=dtype))
            self._code.append(Instruction("cast", copy, (source,)))
            self._release(plain)
            self._at[operand] = copy
        return operand

    def _use(self, value: Typed) -> int:
        self._uses[value] -= 1
        return self._at[value]

    def _release(self, value: Typed) -> None:
        if self._uses[value] == 0:
            register = self._at[value]
            self._free[self._registers[register]].append(register)

    def _take(self, register: Register) -> int:
        if self._free[register]:
            return self._free[register].pop()
        self._registers.append(register)
        return len(self._registers) - 1


def _scratch(graph: Graph, node: Node) -> int:
    types = tuple(graph.type(i) for i in node.inputs)
    stated = node.primitive.scratch(types, node.attributes)
    if stated or node.primitive.locality is not Locality.WHOLE:
        return stated
    return _COPIES * sum(t.dtype.nbytes(prod(t.shape)) for t in (*types, node.type))
