from __future__ import annotations

import numpy as np
import pytest
import torch

from mergec.testing.arrays import AsArrays, as_array, as_outputs, as_tensor

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e5m2,
    torch.int64,
    torch.bool,
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (0, 2)])
def test_there_and_back(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    values = torch.arange(12).reshape(3, 4)[: shape[0] if shape else 1].to(dtype)
    given = values.flatten()[:5] if shape == (5,) else values[0, 0] if shape == () else values
    again = as_tensor(as_array(given), dtype)
    assert again.dtype == dtype
    assert again.shape == given.shape
    assert torch.equal(again.to(torch.float64), given.to(torch.float64))


def test_views_are_laid_out_anew() -> None:
    turned = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).T
    assert torch.equal(as_tensor(as_array(turned), torch.bfloat16), turned)


def test_parameters_need_no_gradient() -> None:
    assert as_array(torch.nn.Parameter(torch.ones(2))).tolist() == [1.0, 1.0]


def test_names_of_one_memory() -> None:
    words = torch.randn(4, 3)
    arrays = AsArrays({"a": words, "b": words, "c": words.clone(), "d": words[:2], "e": torch.ones(0)})
    assert arrays.same == {"b": "a"}


def test_outputs_are_floats_of_32_or_64_bits() -> None:
    given = [torch.ones(2, dtype=torch.bfloat16), torch.ones(1, dtype=torch.float64), np.ones(3)]
    assert [one.dtype for one in as_outputs(given)] == [np.float32, np.float64, np.float64]
    assert len(as_outputs((torch.ones(2, requires_grad=True),))) == 1


@pytest.mark.parametrize("value", [None, 3, ["text"], {"logits": torch.ones(2)}])
def test_what_is_no_output(value: object) -> None:
    with pytest.raises(TypeError, match="neither a tensor nor a list of them"):
        as_outputs(value)
