from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mergec.execute.box import box_of, boxes, runs
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView, is_turned
from mergec.schedule.memory import Need
from mergec.schedule.tiling import collapsed, tile_shape


@st.composite
def views(draw: st.DrawFn) -> StridedView:
    """A contiguous tensor, sliced and with its axes in another order."""
    rank = draw(st.integers(1, 4))
    view = StridedView.contiguous(0, 64, DType.I16, tuple(draw(st.integers(1, 7)) for _ in range(rank)))
    axis = draw(st.integers(0, rank - 1))
    start = draw(st.integers(0, view.shape[axis] - 1))
    stop = draw(st.integers(start + 1, view.shape[axis]))
    return view.sliced(axis, start, stop).permuted(tuple(draw(st.permutations(range(rank)))))


def offsets(view: StridedView) -> list[int]:
    """Where each element lies, in row-major order."""
    steps = np.indices(view.shape).reshape(len(view.shape), -1)
    found = view.offset + 2 * (steps * np.array(view.strides)[:, None]).sum(axis=0)
    return [int(offset) for offset in found]


@given(views(), st.integers(1, 200))
def test_tiles_cover_every_element_once(view: StridedView, elements: int) -> None:
    tile = tile_shape(view, [view] if is_turned(view) else [], elements)
    seen: list[int] = []
    for corner, size in boxes(view.shape, tile):
        assert prod(size) <= prod(tile)
        seen.extend(offsets(box_of(view, corner, size)))
    assert sorted(seen) == sorted(offsets(view))


@given(views(), st.integers(1, 200), st.sampled_from([1, 4]))
def test_a_tile_is_never_larger_than_was_planned_for(view: StridedView, elements: int, factor: int) -> None:
    target = StridedView.contiguous(0, 0, DType.I16, view.shape)
    flat, leaf = collapsed([target, view])
    turned = is_turned(leaf)
    tile = tile_shape(flat, [leaf] if turned else [], factor * elements)
    need = Need(view.elements, 0, 2 if turned else 0, "w", factor=factor)
    assert 2 * prod(tile) <= need.arena_bytes(elements) or not turned
    assert prod(tile) <= factor * elements


@given(views())
def test_runs_are_the_elements_in_order(view: StridedView) -> None:
    found = [at for offset, nbytes in runs(view) for at in range(offset, offset + nbytes, 2)]
    assert found == offsets(view)


@given(views())
def test_fewer_axes_are_the_same_elements_in_the_same_order(view: StridedView) -> None:
    target = StridedView.contiguous(1, 0, DType.I16, view.shape)
    flat, leaf = collapsed([target, view])
    assert flat.shape == leaf.shape
    assert len(leaf.shape) <= max(len(view.shape), 1)
    assert offsets(leaf) == offsets(view)
    assert offsets(flat) == offsets(target)


def test_contiguous_views_become_flat() -> None:
    view = StridedView.contiguous(0, 0, DType.F32, (2, 1, 3, 4))
    assert [v.shape for v in collapsed([view, view])] == [(24,), (24,)]
    scalar = StridedView.contiguous(0, 0, DType.F32, ())
    assert collapsed([scalar])[0].shape == (1,)


def test_only_another_order_in_the_file_is_turned() -> None:
    view = StridedView.contiguous(0, 0, DType.F32, (4, 6))
    assert not is_turned(view)
    assert not is_turned(view.sliced(1, 0, 3))
    assert is_turned(view.permuted((1, 0)))
    assert not is_turned(StridedView.contiguous(0, 0, DType.F32, (1, 6)).permuted((1, 0)))
    assert is_turned(view._replace(strides=(0, 1)))  # one row, repeated


def test_a_turned_tile_is_a_square_of_runs() -> None:
    leaf = StridedView.contiguous(0, 0, DType.F32, (4096, 4096)).permuted((1, 0))
    target = StridedView.contiguous(1, 0, DType.F32, (4096, 4096))
    assert tile_shape(target, [leaf], 1 << 16) == (256, 256)
