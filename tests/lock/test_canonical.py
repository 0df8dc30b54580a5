from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.axis_index import Ancestor, AxisIndex, Block, IndexFactor
from mergec.ir.dtype import DType
from mergec.ir.matching import Matching
from mergec.ir.packed import Scheme
from mergec.ir.strided_view import StridedView
from mergec.ir.symmetry import Factor, Group, Mask, SymmetricTensor, Symmetry
from mergec.lock.canonical import canonical

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.sampled_from(DType),
    lambda inner: st.lists(inner).map(tuple),
)


@given(plain, plain)
def test_forms_are_equal_exactly_where_values_are(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


@given(st.lists(plain), st.lists(plain))
def test_forms_one_after_another_can_be_told_apart(one: list[object], other: list[object]) -> None:
    joined = [b"".join(map(canonical, values)) for values in (one, other)]
    assert (joined[0] == joined[1]) == (one == other)


def test_numbers_are_exact_and_have_one_form() -> None:
    assert canonical(1) == canonical(1.0) == canonical(True)  # noqa: FBT003
    assert canonical(-0.0) == canonical(0.0) == canonical(0)
    assert canonical(0.1) == b"f0x1.999999999999ap-4;"
    assert canonical(0.1) != canonical(np.nextafter(0.1, 1).item())
    assert canonical(-255) == b"i-ff;"
    assert len({canonical(value) for value in (float("inf"), -float("inf"), float("nan"), 1e300)}) == 4


def test_mappings_keep_their_order() -> None:
    assert canonical({"a": 1, "b": 2}) != canonical({"b": 2, "a": 1})
    assert canonical({"a": [1, {"b": None}]}) == canonical({"a": (1, {"b": None})})


def test_half_a_character() -> None:
    assert canonical("\ud800") != canonical("\ud801")


def test_the_number_of_a_file_does_not_enter() -> None:
    view = StridedView.contiguous(0, 64, DType.BF16, (4, 8))
    assert canonical(view) == canonical(view._replace(file=7))
    changes: list[dict[str, Any]] = [
        {"offset": 65},
        {"dtype": DType.F16},
        {"shape": (8, 4)},
        {"strides": (1, 4)},
    ]
    assert len({canonical(view._replace(**change)) for change in changes} | {canonical(view)}) == 5


SYMMETRY = Symmetry(
    (Group("heads", 4), Group("inner", 8, parent=0), Group("out", 2, is_frozen=True)),
    (SymmetricTensor(("w",), (4, 8), (((Factor(4, 0),),), ((Factor(8),),)), 0.5, (Mask(0, 1, 2),)),),
)


def test_what_matches_and_gathers_are_made_of() -> None:
    SYMMETRY.starts  # noqa: B018  # what is computed on the way is no part of the value
    same = Symmetry(SYMMETRY.groups, SYMMETRY.tensors)
    one = Matching(SYMMETRY, 2, 0, 100)
    others = [
        Matching(SYMMETRY, 2, 1, 100),
        Matching(SYMMETRY, 2, 0, 100, refine=True),
        Matching(Symmetry(SYMMETRY.groups[:2], SYMMETRY.tensors), 2, 0, 100),
    ]
    assert canonical(one) == canonical(Matching(same, 2, 0, 100))
    assert canonical(one) not in [canonical(other) for other in others]
    index = AxisIndex(((IndexFactor(4, 0, (Ancestor(2, None, 1),)), IndexFactor(3)),))
    assert canonical(index) != canonical(index._replace(block=Block(3)))
    scheme = Scheme("gguf", ("codes",), (DType.U8,), (("type", 2), ("name", "Q4_0")))
    assert canonical(scheme) != canonical(scheme._replace(rows=((1, 1),)))


class Point(NamedTuple):
    x: int


class Place(NamedTuple):
    x: int


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Mark:
    x: int


def test_kinds_of_records_are_told_apart() -> None:
    values = [Point(1), Place(1), Mark(1), (1,), 1, Colour.RED, "Colour.RED"]
    assert len({canonical(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [object(), {1}, np.float32(1), np.arange(3), Mark, 1j])
def test_an_unknown_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical((1, (value,)))
