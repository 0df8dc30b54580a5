"""Worked examples of merge methods: shown by `mergec explain`, and built by a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Values = float | Sequence["Values"]
    NamedValues = Values | Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Example:
    """Models, the keys of one use of the method, and the values that it gives.

    A model is the nested list of its one tensor's values, or a mapping of tensor names to such lists; the
    result has the same form. `deltas` are the models that hold differences. The values are those of
    float32 arithmetic, told to six digits.
    """

    tensors: Mapping[str, NamedValues]
    keys: Mapping[str, object]
    result: NamedValues
    deltas: tuple[str, ...] = ()
