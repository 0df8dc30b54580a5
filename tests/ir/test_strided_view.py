from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.dtype import DType
from mergec.ir.layout import Joined, Layout, views
from mergec.ir.strided_view import StridedView, row_major_strides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.int32]

FILE = np.arange(4096, dtype=np.int32)
shapes = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)


def view(*shape: int, offset: int = 0) -> StridedView:
    return StridedView.contiguous(0, offset, DType.I32, shape)


def read(layout: Layout) -> Array:
    """The elements, as the definition of a view says where they are."""
    if isinstance(layout, Joined):
        return np.concatenate([read(part) for part in layout.parts], axis=layout.axis)
    assert isinstance(layout, StridedView)
    strides = tuple(stride * 4 for stride in layout.strides)
    start = FILE[layout.offset // 4 :]
    return np.lib.stride_tricks.as_strided(start, layout.shape, strides)


def test_row_major_strides_are_those_of_numpy() -> None:
    for shape in [(), (3,), (2, 3), (4, 1, 5), (2, 3, 4, 5)]:
        array = np.empty(shape, np.int32)
        assert row_major_strides(shape) == tuple(stride // 4 for stride in array.strides)


def test_a_view_counts_its_bytes() -> None:
    assert view(2, 3).elements == 6
    assert view(2, 3).nbytes == 24
    assert view().nbytes == 4
    assert StridedView.contiguous(0, 0, DType.F4, (2, 3)).nbytes == 3


def test_contiguity_ignores_axes_of_size_one_and_empty_views() -> None:
    assert view(2, 3).is_contiguous
    assert not view(2, 3).permuted((1, 0)).is_contiguous
    assert view(2, 1, 3).permuted((1, 0, 2)).is_contiguous
    assert view(0, 3).permuted((1, 0)).is_contiguous
    assert not view(2, 3).sliced(1, 0, 2).is_contiguous
    assert view(2, 3).sliced(0, 1, 2).is_contiguous


@given(shapes, st.data())
def test_slicing_and_permuting_are_those_of_numpy(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    start = data.draw(st.integers(0, shape[axis]))
    stop = data.draw(st.integers(start, shape[axis]))
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    whole = view(*shape, offset=8)
    part = read(whole).take(range(start, stop), axis)
    np.testing.assert_array_equal(read(whole.sliced(axis, start, stop)), part)
    found = whole.sliced(axis, start, stop).permuted(order)
    np.testing.assert_array_equal(read(found), part.transpose(order))
    np.testing.assert_array_equal(read(whole.unsqueezed(axis)), np.expand_dims(read(whole), axis))


@st.composite
def joins(draw: st.DrawFn, depth: int = 2) -> Layout:
    """Views joined along an axis, whose parts may be joined along another."""
    rank = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    return _joined(draw, shape, depth)


def _joined(draw: st.DrawFn, shape: tuple[int, ...], depth: int) -> Layout:
    axis = draw(st.integers(0, len(shape) - 1))
    if depth == 0 or shape[axis] < 2:
        return view(*shape, offset=4 * draw(st.integers(0, 1000)))
    cut = draw(st.integers(1, shape[axis] - 1))
    sizes = cut, shape[axis] - cut
    parts = tuple(_joined(draw, (*shape[:axis], n, *shape[axis + 1 :]), depth - 1) for n in sizes)
    return Joined(axis, parts)


@given(joins(), st.data())
def test_joins_behave_as_the_arrays_they_stand_for(layout: Layout, data: st.DataObject) -> None:
    array: Any = read(layout)
    assert layout.shape == array.shape
    axis = data.draw(st.integers(0, array.ndim - 1))
    start = data.draw(st.integers(0, array.shape[axis]))
    stop = data.draw(st.integers(start, array.shape[axis]))
    order = tuple(data.draw(st.permutations(range(array.ndim))))
    part = array.take(range(start, stop), axis)
    np.testing.assert_array_equal(read(layout.sliced(axis, start, stop)), part)
    np.testing.assert_array_equal(read(layout.permuted(order)), array.transpose(order))
    np.testing.assert_array_equal(read(layout.unsqueezed(axis)), np.expand_dims(array, axis))
    assert sum(v.elements for v in views(layout)) == array.size


@given(shapes, st.data())
def test_reshaping_is_that_of_numpy_or_refused(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Whatever strides can say is said, as numpy does without copying."""
    made = view(*shape)
    axis = data.draw(st.integers(0, len(shape) - 1))
    stop = data.draw(st.integers(0, shape[axis]))
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    made = made.sliced(axis, 0, stop).permuted(order)
    elements = read(made)
    sizes = [size for size in range(1, elements.size + 1) if elements.size % size == 0] or [1]
    first = data.draw(st.sampled_from(sizes))
    new = data.draw(
        st.sampled_from(
            [(elements.size,), (first, elements.size // first), (1, first, elements.size // first, 1)]
        )
    )
    reshaped = made.reshaped(new)
    if reshaped is None:
        with pytest.raises(ValueError, match="copy"):
            np.reshape(elements, new, copy=False)
    else:
        np.testing.assert_array_equal(read(reshaped), elements.reshape(new))


def test_a_shape_of_other_elements_is_refused() -> None:
    assert view(2, 3).reshaped((7,)) is None
    assert view(2, 3).reshaped((3, 2)) == view(3, 2)
    assert view(1, 6).reshaped((6,)) == view(6)
    assert view(2, 3).permuted((1, 0)).reshaped((6,)) is None


def test_axes_of_size_one_are_repeated() -> None:
    row = view(1, 3).expanded((4, 3))
    np.testing.assert_array_equal(read(row), np.broadcast_to(read(view(1, 3)), (4, 3)))
    assert view(2, 3).expanded((2, 3)) == view(2, 3)
