from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mergec.symmetries.matching import operand
from mergec.symmetries.matching.operand import rows_at
from tests.symmetries.matching.topologies import Held

if TYPE_CHECKING:
    from typing import Any

    import pytest
    from numpy.typing import NDArray


@given(data=st.data(), count=st.integers(1, 3), height=st.integers(1, 200))
def test_rows_come_in_the_order_asked_for(data: st.DataObject, count: int, height: int) -> None:
    values = np.arange(count * height * 2.0).reshape(count, height, 2)
    rows = data.draw(st.lists(st.integers(0, count * height - 1), min_size=1, max_size=40))
    found = rows_at([Held(each) for each in values], height, np.array(rows))
    np.testing.assert_array_equal(found, values.reshape(-1, 2)[rows])


def test_no_read_is_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operand, "BLOCK_BYTES", 10 * 4 * 3)
    reads: list[int] = []

    class Counted(Held):
        def rows(self, start: int, stop: int) -> NDArray[Any]:
            reads.append(stop - start)
            return super().rows(start, stop)

    values = np.random.default_rng(1).standard_normal((100, 3))
    order = np.random.default_rng(0).permutation(100)
    found = rows_at([Counted(values)], 100, order)
    np.testing.assert_array_equal(found, values[order])
    assert reads == [10] * 10
