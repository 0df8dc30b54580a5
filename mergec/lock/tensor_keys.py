"""The key of each output tensor: a digest of how it is computed and from what, known beforehand."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.numerics import NUMERICS
from mergec.ir.permutation_primitives import GIVEN
from mergec.ir.primitive import Reproducibility
from mergec.ir.primitives import FILL, NORMAL, READ, WITH_DEGREE
from mergec.ir.quantised_primitives import DEQUANTISE
from mergec.ir.random_primitives import KEPT, UNIFORM
from mergec.lock.canonical import canonical
from mergec.lock.dequantising_library import library_of
from mergec.lock.torch_build import torch_build
from mergec.sources.checkpoint import Container

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mergec.ir.dtype import DType
    from mergec.ir.graph import CheckedGraph, Node, NodeId
    from mergec.ir.primitive import Attributes, Primitive
    from mergec.ir.strided_view import Shape, StridedView
    from mergec.sources.checkpoint import WeightFile

# Where the attributes of a node state the degree of its value. It says what a value may be used for, and
# no byte of it depends on that.
_DEGREE_AT = {READ: 1, NORMAL: 1, UNIFORM: 1, KEPT: 1, FILL: 3, DEQUANTISE: 3}


class DecidedVectors(NamedTuple):
    """What a match came to: the number of vectors of permutations, and the SHA-256 of their int32 bytes."""

    models: int
    sha256: str


def content_names(files: Sequence[WeightFile], digests: Iterable[str]) -> list[str]:
    """What the offsets of reads count in, by file number: each file's SHA-256, and what else decides it.

    A PyTorch file of the old format is read as the storages of those tensors that `nest` leads to.
    """
    return [
        digest if file.container is Container.PLAIN else f"{digest} {file.container.value} {file.nest or ''}"
        for file, digest in zip(files, digests, strict=True)
    ]


def tensor_keys(
    checked: CheckedGraph, contents: Sequence[str], decided: Mapping[NodeId, DecidedVectors] | None = None
) -> dict[str, str]:
    """The key of every output tensor, by its name.

    A key is a digest of the expression: primitives, their attributes and the keys of their inputs; a read
    is the content of its file (`contents`, see content_names) and the place in it. What R1 and R2
    primitives give depends on the builds of torch and NumPy too, and dense values of packed codes on the
    version of their library. Neither names of tensors and models nor the layout of the output enter; the
    output's dtype does, as that of its last cast.

    What rests on a match rests on which permutations are found, and these differ between machines: tensors
    of two matches must never meet in one model. So where a match is `decided`, its vectors take the place
    of what they were found from, and a key is what it is for permutations that a file gives.

    The graph should be the one before `optimise`. Afterwards results that are equal by an exact law (a
    term of weight 0) share more keys, but then a release with another pass would make every lock stale
    whose bytes are what they were. Before it, the key follows from the recipe, and NUMERICS alone says
    that bytes changed.
    """
    return _Keys(checked, contents, decided or {}).outputs()


def match_key(
    checked: CheckedGraph, contents: Sequence[str], decided: Mapping[NodeId, DecidedVectors], match: NodeId
) -> str:
    """The key of what a match finds: what it compares, how, and what the matches before it came to."""
    before = {node: one for node, one in decided.items() if node != match}
    return _Keys(checked, contents, before).of([match])[match].hex()


class _Keys:
    def __init__(
        self, checked: CheckedGraph, contents: Sequence[str], decided: Mapping[NodeId, DecidedVectors]
    ) -> None:
        self._checked = checked
        self._contents = [canonical(name) for name in contents]
        self._decided = decided
        # As good as the graph's own table, which takes equal attributes of a primitive for one.
        self._heads: dict[tuple[Primitive, Attributes], bytes] = {}
        self._forms: dict[tuple[DType, Shape, Shape], bytes] = {}

    def outputs(self) -> dict[str, str]:
        """The keys, in the order of the outputs."""
        outputs = self._checked.outputs
        keys = self.of(output.node for output in outputs)
        return {output.name: keys[output.node].hex() for output in outputs}

    def of(self, nodes: Iterable[NodeId]) -> dict[NodeId, bytes]:
        """The keys of some nodes, and of all below them."""
        graph = self._checked.graph
        keys: dict[NodeId, bytes] = {}
        for node_id in graph.reachable(nodes):
            node = graph[node_id]
            if node_id in self._decided:
                keys[node_id] = _given(*self._decided[node_id])
            elif node.primitive is GIVEN:
                keys[node_id] = _given(1, sha256(node.attributes[0]).hexdigest())
            elif node.primitive is WITH_DEGREE:
                keys[node_id] = keys[node.inputs[0]]
            else:
                keys[node_id] = sha256(
                    b"".join((self._head(node), *map(keys.__getitem__, node.inputs)))
                ).digest()
        return keys

    def _head(self, node: Node) -> bytes:
        """What distinguishes a node from others with the same inputs."""
        primitive, attributes = node.primitive, node.attributes
        if primitive is READ:
            return self._place(attributes[0])
        head = self._heads.get((primitive, attributes))
        if head is None:
            degree = _DEGREE_AT.get(primitive)
            told = (one for at, one in enumerate(attributes) if at != degree)
            build = None if primitive.reproducibility is Reproducibility.R0 else torch_build()
            library = library_of(node)
            by = build if library is None else (build, *library)
            head = canonical((NUMERICS, primitive.name, by, *told))
            self._heads[primitive, attributes] = head
        return head

    def _place(self, view: StridedView) -> bytes:
        """What is read where. Bytes are bytes: the version of the arithmetic does not matter."""
        form = view.dtype, view.shape, view.strides
        known = self._forms.get(form)
        if known is None:
            known = self._forms[form] = canonical(view._replace(offset=0))
        return b"read%b%x%b" % (self._contents[view.file], view.offset, known)


def _given(models: int, digest: str) -> bytes:
    return sha256(canonical((NUMERICS, GIVEN.name, models, digest))).digest()
