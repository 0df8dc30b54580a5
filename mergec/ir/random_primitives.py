"""Random values: leaves that no file holds, each of whose elements depends on its position alone."""

from __future__ import annotations

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.primitive import Locality, Primitive
from mergec.ir.primitives import NORMAL, READ, leaf
from mergec.ir.strided_view import StridedView

GENERATED = -1  # the file number of values that no file holds

# A view into the tensor's own index space, a degree, a seed and a name: multiples of 2^-24 from 0 up to 1.
UNIFORM = Primitive("uniform", leaf, Locality.LEAF)
# The same and a share, between 0 and 1: 1.0 for elements that are kept with this probability, else 0.0.
KEPT = Primitive("kept", leaf, Locality.LEAF)

GENERATORS = frozenset({NORMAL, UNIFORM, KEPT})
# Leaves whose first attribute is a view of their elements: it can be cut and turned in their place.
VIEWED = frozenset({READ, *GENERATORS})


def uniform(like: Tensor, seed: int, name: str) -> Tensor:
    """Float32 values in the shape of another, evenly from 0 up to 1, which is not among them."""
    return _drawn(UNIFORM, like, None, seed, name)


def kept(like: Tensor, seed: int, name: str, share: float) -> Tensor:
    """The mask, in the shape of another, of what is kept if each element is with this probability."""
    return _drawn(KEPT, like, None, seed, name, share)


def normal(like: Tensor, seed: int, name: str, deviation: float) -> Tensor:
    """Float32 values in the shape of another, normal around 0: a difference, which may be added."""
    return _drawn(NORMAL, like, 0.0, seed, name, deviation)


def _drawn(primitive: Primitive, like: Tensor, degree: float | None, *key: object) -> Tensor:
    view = StridedView.contiguous(GENERATED, 0, DType.F32, like.shape)
    return Tensor(like.graph, like.graph.add(primitive, (), (view, degree, *key), like.origin), like.origin)
