"""An elementwise expression -> a register program."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from mergec.ir.plan import Generator, Instruction, LoadedLeaf, Program
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CAST, FILL, NORMAL, READ, WITH_DEGREE

if TYPE_CHECKING:
    from mergec.ir.dtype import DType
    from mergec.ir.graph import Graph, Node, NodeId


class ProgramTable:
    """Programs by their instructions: tensors that are computed alike share one."""

    def __init__(self, graph: Graph) -> None:
        """Compile nodes of this graph."""
        self._graph = graph
        self._known: dict[tuple[object, ...], Program] = {}

    def compile(self, root: NodeId) -> tuple[Program, tuple[LoadedLeaf, ...]]:
        """The program that computes a tile of the node's value, and the operands it loads."""
        graph = self._graph
        order = _below(graph, root)
        key = _structure(graph, order)
        program = self._known.get(key)
        if program is None:
            program = self._known[key] = _Assembler(graph, root, order).program()
        leaves = (graph[node] for node in order if graph[node].primitive.locality is Locality.LEAF)
        return program, tuple(_loaded(leaf) for leaf in leaves if leaf.primitive is not FILL)


def _structure(graph: Graph, order: list[NodeId]) -> tuple[object, ...]:
    """All that a program depends on: nodes, their operands by position, and not which bytes they load."""
    at = {node: position for position, node in enumerate(order)}
    return tuple(
        (
            node.primitive.name,
            node.type.dtype,
            tuple([at[i] for i in node.inputs]),
            node.attributes if node.inputs else node.attributes[2:3] if node.primitive is FILL else (),
        )
        for node in map(graph.__getitem__, order)
    )


def _loaded(node: Node) -> LoadedLeaf:
    generator = Generator(*node.attributes[2:]) if node.primitive is NORMAL else None
    return LoadedLeaf(node.attributes[0], generator)


class _Assembler:
    """Assigns a register to each value and frees it after its last use."""

    def __init__(self, graph: Graph, root: NodeId, order: list[NodeId]) -> None:
        self._graph = graph
        self._root = root
        self._order = order
        self._uses = Counter(used for node in self._order for used in graph[node].inputs)
        self._uses[root] += 1
        self._registers: list[DType] = []
        self._free: defaultdict[DType, list[int]] = defaultdict(list)
        self._at: dict[NodeId, int] = {}
        self._code: list[Instruction] = []
        self._leaves = 0

    def program(self) -> Program:
        for node_id in self._order:
            self._at[node_id] = self._place(self._graph[node_id])
        result = self._at[self._root]
        if self._registers[result].is_float and any(i.kernel != "load" for i in self._code):
            self._code.append(Instruction("settle_nans", result, ()))
        return Program(tuple(self._registers), tuple(self._code), result)

    def _place(self, node: Node) -> int:
        primitive = node.primitive
        if primitive in {READ, NORMAL}:
            return self._load(node.type.dtype)
        if primitive is FILL:
            target = self._take(node.type.dtype)
            self._code.append(Instruction("fill", target, (), (node.attributes[2],)))
            return target
        if primitive is CAST or primitive is WITH_DEGREE:  # a degree changes no value: a cast to the same
            source = self._use(node.inputs[0])
            self._release(node.inputs[0])
            target = self._take(node.type.dtype)
            self._code.append(Instruction("cast", target, (source,)))
            return target
        sources = [self._operand(i, node.type.dtype) for i in node.inputs]
        for register in dict.fromkeys(sources):
            self._free[self._registers[register]].append(register)
        target = self._take(node.type.dtype)
        self._code.append(Instruction(primitive.name, target, tuple(sources), node.attributes))
        return target

    def _load(self, dtype: DType) -> int:
        target = self._take(dtype)
        self._code.append(Instruction("load", target, (), (self._leaves,)))
        self._leaves += 1
        return target

    def _operand(self, node_id: NodeId, dtype: DType) -> int:
        """A register, free to be overwritten, that holds a node's value in the dtype computed in."""
        register = self._use(node_id)
        is_last = self._uses[node_id] == 0
        if self._registers[register] is dtype and is_last:
            return register
        copy = self._take(dtype)
        self._code.append(Instruction("cast", copy, (register,)))
        self._release(node_id)
        return copy

    def _use(self, node_id: NodeId) -> int:
        self._uses[node_id] -= 1
        return self._at[node_id]

    def _release(self, node_id: NodeId) -> None:
        if self._uses[node_id] == 0:
            register = self._at[node_id]
            self._free[self._registers[register]].append(register)

    def _take(self, dtype: DType) -> int:
        if self._free[dtype]:
            return self._free[dtype].pop()
        self._registers.append(dtype)
        return len(self._registers) - 1


def _below(graph: Graph, root: NodeId) -> list[NodeId]:
    """The nodes that the root needs, inputs first, each directly before its user where possible."""
    order: dict[NodeId, None] = {}
    stack: list[tuple[NodeId, bool]] = [(root, False)]
    while stack:
        node, is_ready = stack.pop()
        if node in order:
            continue
        if is_ready:
            order[node] = None
            continue
        stack.append((node, True))
        stack.extend((i, False) for i in reversed(graph[node].inputs))
    return list(order)
