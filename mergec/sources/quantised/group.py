"""Tensors of a checkpoint that stand for one weight together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.ir.dtype import DType
    from mergec.ir.packed import Scheme
    from mergec.ir.strided_view import Shape, StridedView


class DenseForm(NamedTuple):
    """How a group becomes dense: the tensors by name in the order of the scheme's roles, and the result."""

    scheme: Scheme
    parts: tuple[str, ...]
    shape: Shape
    dtype: DType


@dataclass(frozen=True, slots=True)
class Group:
    """One quantised weight. `name` is what the dense one is called, `what` the quantisation, for people.

    `members` are all names that it takes up, scales of activations included. `library` is what
    dequantises it; empty where mergec does. Without a dense form, `problem` says why there is none.
    """

    name: str
    what: str
    members: tuple[str, ...]
    library: str = ""
    dense: DenseForm | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint as its headers tell it, and the reader of its small tensors."""

    tensors: Mapping[str, StridedView]
    config: Mapping[str, object] = field(default_factory=dict)
    read_values: Callable[[StridedView], list[float]] = lambda _: []

    @property
    def quantisation(self) -> Mapping[str, object]:
        """`quantization_config` of config.json, also where it belongs to the language model; or nothing."""
        inner = self.config.get("text_config")
        for config in (self.config, inner if isinstance(inner, dict) else {}):
            for key in ("quantization_config", "compression_config"):
                found = config.get(key)
                if isinstance(found, dict):
                    return found
        return {}

    def present(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the names that the checkpoint has."""
        return tuple(name for name in names if name in self.tensors)
