"""What a tolerance is measured by."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.ir.dtype import DType
from mergec.ir.plan import OutputLayout, PlacedTensor, Shard
from mergec.ir.primitive import Reproducibility
from mergec.ir.strided_view import StridedView
from mergec.verification.comparing_sink import ComparingSink, OtherBytes
from mergec.verification.output_on_disk import OutputOnDisk, StoredView
from mergec.verification.rebuild import TOLERANCES, _is_tolerated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Array

_AT = 24
"""Where the tensor lies in the output; in the plan's layout it begins at byte 8."""


class _Compared:
    def __init__(self, path: Path, stored: Array, dtype: DType, reproducibility: Reproducibility) -> None:
        data = stored.tobytes()
        path.write_bytes(bytes(_AT) + data)
        self.tensor = PlacedTensor("x", dtype, stored.shape, 0, 8, len(data), reproducibility)
        layout = OutputLayout((self.tensor,), (Shard("other", b"", 8 + len(data)),), None)
        view = StridedView.contiguous(0, _AT, dtype, stored.shape)
        output = OutputOnDisk(path, path.parent, is_folder=False, tensors={"x": StoredView(path.name, view)})
        self.file = path.open("rb")
        self.sink = ComparingSink(layout, output, {path.name: self.file.fileno()})

    def other(self, made: Array, step: int = 1 << 30) -> OtherBytes | None:
        data = memoryview(bytearray(made.tobytes()))
        for start in reversed(range(0, len(data), step)):
            self.sink.write_at(0, 8 + start, data[start : start + step])
        return self.sink.found.get(0)


@pytest.fixture
def values() -> Array:
    return np.random.default_rng(3).standard_normal(300_000).astype(np.float32)


@pytest.fixture(params=[Reproducibility.R1, Reproducibility.R2])
def compared(tmp_path: Path, values: Array, request: pytest.FixtureRequest) -> Iterator[_Compared]:
    found = _Compared(tmp_path / "x", values, DType.F32, request.param)
    yield found
    found.file.close()


def test_equal(compared: _Compared, values: Array) -> None:
    assert compared.other(values) is None


@pytest.mark.parametrize("step", [4, 1000, 1 << 30])
def test_the_first_byte_in_whatever_order_they_come(compared: _Compared, values: Array, step: int) -> None:
    made = values[:2000].copy() if step == 4 else values.copy()
    for at in (1999, 700, 1500):
        made[at] = -made[at]
    found = compared.other(made, step)
    assert found is not None
    assert found.first == 700 * 4 + 3, "the sign is in the last byte"


@pytest.mark.parametrize(("off", "is_tolerated"), [(1e-6, True), (1e-4, False)])
def test_only_r2_is_tolerated(compared: _Compared, values: Array, off: float, *, is_tolerated: bool) -> None:
    made = (values.astype(np.float64) * (1 + off)).astype(np.float32)
    found = compared.other(made, 1 << 16)
    assert found is not None
    is_r2 = compared.tensor.reproducibility is Reproducibility.R2
    assert _is_tolerated(compared.tensor, found) == (is_tolerated and is_r2)
    expected = np.linalg.norm(made.astype(np.float64) - values) / np.linalg.norm(made.astype(np.float64))
    assert found.relative == (pytest.approx(float(expected), rel=1e-12) if is_r2 else inf)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_in_one_is_never_tolerated(tmp_path: Path, value: float) -> None:
    stored = np.ones(100, np.float32)
    compared = _Compared(tmp_path / "x", stored, DType.F32, Reproducibility.R2)
    made = stored.copy()
    made[7] = value
    found = compared.other(made)
    compared.file.close()
    assert found is not None
    assert found.relative == inf


def test_equal_nans_do_not_count(tmp_path: Path) -> None:
    stored = np.array([1.0, np.nan, np.inf, 2.0], np.float32)
    compared = _Compared(tmp_path / "x", stored, DType.F32, Reproducibility.R2)
    made = stored.copy()
    made[3] = np.nextafter(np.float32(2), np.float32(3))
    found = compared.other(made)
    compared.file.close()
    assert found is not None
    assert _is_tolerated(compared.tensor, found)


def test_every_dtype_that_is_computed_has_a_tolerance() -> None:
    assert set(TOLERANCES) == {dtype for dtype in DType if dtype.is_float}
