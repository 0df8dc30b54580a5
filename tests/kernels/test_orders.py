from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mergec.kernels.orders import KERNELS


def run(kernel: str, values: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(values)
    KERNELS[kernel](out, [values, by])
    return out


@given(
    npst.arrays(
        np.float32,
        npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6),
        elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan]),
    )
)
def test_elements_ascend_by_another_tensor_and_come_back(
    by: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    values = torch.arange(by.size).view(by.shape)
    arranged = run("in_order_of", values, torch.from_numpy(by))
    np.testing.assert_array_equal(arranged.ravel(), np.argsort(by + 0.0, axis=None, kind="stable"))
    assert torch.equal(run("out_of_order_of", arranged, torch.from_numpy(by)), values)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_of_any_dtype(dtype: torch.dtype) -> None:
    by = torch.tensor([[3.0, -1.0], [2.0, 0.5]], dtype=dtype)
    assert torch.equal(run("in_order_of", by, by).view(-1), by.view(-1).sort().values)


def test_bits_of_nans_are_kept() -> None:
    odd = torch.tensor([0x7FC12345, 0x3F800000], dtype=torch.int32).view(torch.float32)
    found = run("in_order_of", odd, torch.tensor([1.0, 0.0]))
    assert found.view(torch.int32).tolist() == [0x3F800000, 0x7FC12345]
