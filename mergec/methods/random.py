"""Random values for merge methods, which depend on nothing but the seed and the names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.ir.random_primitives import kept, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


@dataclass(frozen=True, slots=True)
class Random:
    """The random values that belong to one tensor: those of each model are independent of the others'.

    They are keyed by the operation's `seed`, the tensor's name and the name of the model in the recipe,
    never by the order of the models, or by where a file holds the tensor.
    """

    seed: int
    name: str
    models: Sequence[str]

    def uniform(self, like: Tensor, model: int) -> Tensor:
        """Values in [0, 1), in the shape of `like`, for the model at this position of the list."""
        return uniform(like, self.seed, self._key(model))

    def kept(self, like: Tensor, model: int, share: float) -> Tensor:
        """1 where an element is kept, each with the probability `share`, and else 0; likewise."""
        return kept(like, self.seed, self._key(model), share)

    def _key(self, model: int) -> str:
        # Names of models hold no slash, so no two pairs of names make one text.
        return f"{self.models[model]}/{self.name}"
