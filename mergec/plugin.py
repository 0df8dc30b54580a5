"""For authors of merge methods: all that a file or package of one's own needs. See docs/own-methods.md.

>>> from typing import Annotated
>>> from mergec.plugin import Range, Tensor, method
>>> @method(formula="(1 - t) from + t to", gives="weighted sum")
... def line(
...     from_: Annotated[Tensor, "the model at 0"],
...     to: Annotated[Tensor, "the model at 1"],
...     t: Annotated[float, "how far", Range(0, 1)],
... ) -> Tensor:
...     "Straight line between two models."
...     return from_ * (1 - t) + to * t
>>> [parameter.key for parameter in line.parameters]
['from', 'to', 't']
"""

from mergec.ir.expression import Scalar, Tensor, concatenated
from mergec.ir.reductions import (
    extremes,
    gram,
    joint_extremes,
    joint_gram,
    joint_kth_magnitudes,
    joint_sums,
    kth_magnitudes,
    scalars,
    sums,
)
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method
from mergec.methods.parameter import Constant, Surveyed
from mergec.methods.random import Random
from mergec.methods.range import Range

__all__ = [
    "Constant",
    "Example",
    "MethodError",
    "Random",
    "Range",
    "Scalar",
    "Surveyed",
    "Tensor",
    "concatenated",
    "extremes",
    "gram",
    "joint_extremes",
    "joint_gram",
    "joint_kth_magnitudes",
    "joint_sums",
    "kth_magnitudes",
    "method",
    "scalars",
    "sums",
]
