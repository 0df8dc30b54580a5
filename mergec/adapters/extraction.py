"""What becomes of the tensors of a fine-tune in an adapter, whatever format it is written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.low_rank import low_rank_factors

if TYPE_CHECKING:
    from mergec.ir.dtype import DType
    from mergec.ir.expression import Tensor
    from mergec.ir.model_table import Entry
    from mergec.ir.spectral_primitives import Kept


class Layer(Enum):
    """What a weight is of, which decides how its factors are stored."""

    LINEAR = "linear"  # (out, in)
    TURNED = "turned"  # (in, out), as transformers' Conv1D
    EMBEDDING = "embedding"  # (words, width)
    CONVOLUTION = "convolution"  # (out, in, *kernel)


class LowRank(NamedTuple):
    """The change of a weight as `up` (o, r, ..) times `down` (r, i, ..), to be stored in a dtype."""

    layer: Layer
    down: Tensor
    up: Tensor
    dtype: DType

    @property
    def rank(self) -> int:
        """The number of columns of `up`."""
        return self.down.shape[0]


@dataclass(slots=True)
class Extraction:
    """The weights that have factors, and the tensors to be stored whole, by their names in the model."""

    factors: dict[str, LowRank] = field(default_factory=dict)
    whole: dict[str, Entry] = field(default_factory=dict)


def low_rank(change: Tensor, layer: Layer, kept: Kept, dtype: DType) -> LowRank:
    """The factors of the change of a weight, in the shapes that PEFT and kohya share."""
    if layer is Layer.CONVOLUTION:
        out, *others = change.shape
        down, up = low_rank_factors(change.flattened(), kept)
        rank = down.shape[0]
        down, up = down.reshape(rank, *others), up.reshape(out, rank, *(1 for _ in others[1:]))
    else:
        down, up = low_rank_factors(change if layer is Layer.LINEAR else change.transposed, kept)
    return LowRank(layer, down.with_degree(1.0), up.with_degree(1.0), dtype)
