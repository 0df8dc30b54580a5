from __future__ import annotations

import numpy as np

from mergec.ir.axis_index import Ancestor, AxisIndex, Block, IndexFactor
from mergec.symmetries.axis_indices import indices


def test_a_fixed_axis() -> None:
    index = AxisIndex(((IndexFactor(3),), (IndexFactor(2), IndexFactor(2))))
    np.testing.assert_array_equal(indices(index, np.zeros(0, np.int32)), np.arange(7))


def test_a_group_among_fixed_factors() -> None:
    index = AxisIndex(((IndexFactor(2), IndexFactor(3, start=1), IndexFactor(2)),))
    vector = np.array([9, 2, 0, 1], np.int32)
    np.testing.assert_array_equal(indices(index, vector), [4, 5, 0, 1, 2, 3, 10, 11, 6, 7, 8, 9])


def test_a_family_is_numbered_by_its_parent_in_the_output() -> None:
    head, inner = IndexFactor(2, start=0), IndexFactor(2, start=2, parents=(Ancestor(2, 0),))
    vector = np.array([1, 0, 0, 1, 1, 0], np.int32)  # heads change places; the second one is turned round
    np.testing.assert_array_equal(indices(AxisIndex(((head, inner),)), vector), [2, 3, 1, 0])


def test_a_parent_elsewhere() -> None:
    vector = np.array([0, 1, 1, 0], np.int32)
    for at, expected in ((0, [0, 1]), (1, [1, 0])):
        index = AxisIndex(((IndexFactor(2, start=0, parents=(Ancestor(2, None, at),)),),))
        np.testing.assert_array_equal(indices(index, vector), expected)


def test_every_stretch_has_its_own_indices() -> None:
    index = AxisIndex(((IndexFactor(2),), (IndexFactor(2, start=0),)))
    np.testing.assert_array_equal(indices(index, np.array([1, 0], np.int32)), [0, 1, 3, 2])
    assert indices(index, np.array([1, 0], np.int32)).dtype == np.int64


def test_within_the_block_that_an_entry_of_the_vector_names() -> None:
    index = AxisIndex(((IndexFactor(3),),), Block(1))
    np.testing.assert_array_equal(indices(index, np.array([1, 2, 0], np.int32)), [6, 7, 8])
