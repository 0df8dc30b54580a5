"""Values gathered in NumPy are those that are gathered in torch, on all bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mergec.ir.axis_index import AxisIndex, IndexFactor
from mergec.ir.dtype import DType
from mergec.kernels import gather as in_torch
from mergec.kernels import moved
from mergec.kernels.torch_dtypes import register_dtype as torch_dtype
from mergec.kernels.without_torch import register_dtype

BYTES = [dtype for dtype in DType if dtype.itemsize]


def test_every_kernel_of_torch_is_here_but_that_of_held_rows() -> None:
    assert set(in_torch.KERNELS) - set(moved.KERNELS) == {"gather_rows"}


@pytest.mark.parametrize("dtype", BYTES, ids=str)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_bits_of_any_dtype(dtype: DType, axis: int) -> None:
    shape = (7, 6, 5)
    random = np.random.default_rng(axis)
    data = bytearray(random.bytes(7 * 6 * 5 * dtype.itemsize))
    index = random.integers(0, shape[axis], 9)
    size = (*shape[:axis], len(index), *shape[axis + 1 :])
    value = np.frombuffer(data, register_dtype(dtype)).reshape(shape)
    out = np.empty(size, register_dtype(dtype))
    moved.gather(out, [value, index], axis)
    expected = torch.empty(size, dtype=torch_dtype(dtype))
    source = torch.frombuffer(data, dtype=torch_dtype(dtype)).view(shape)
    in_torch.gather(expected, [source, torch.from_numpy(index)], axis)
    assert out.tobytes() == in_torch.as_bits(expected).numpy().tobytes()


@pytest.mark.parametrize("model", [0, 1])
def test_the_index_of_an_axis(model: int) -> None:
    vectors = np.stack([np.random.default_rng(i).permutation(12).astype(np.int32) for i in range(2)])
    index = AxisIndex(((IndexFactor(3), IndexFactor(12, 0)),))
    out = np.empty(36, np.int64)
    moved.axis_index(out, [vectors], model, index)
    expected = torch.empty(36, dtype=torch.int64)
    in_torch.axis_index(expected, [torch.from_numpy(vectors)], model, index)
    np.testing.assert_array_equal(out, expected.numpy())
