from __future__ import annotations

import pytest
import torch

from mergec.symmetries.matching.times import TimesTransposed, least_dtype


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 70, 5), (130, 300, 64), (200, 90, 700)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("is_turned", [False, True])
def test_products_are_those_of_float64(
    shape: tuple[int, int, int], dtype: torch.dtype, *, is_turned: bool
) -> None:
    rows, others, width = shape
    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn((n, width), generator=random, dtype=dtype) for n in (rows, others))
    if is_turned:
        left, right = (side.T.contiguous().T for side in (left, right))
    before = right.clone()
    found = TimesTransposed(right)(left)
    assert found.dtype == dtype
    assert torch.equal(right, before)
    bound = torch.finfo(dtype).eps * width
    exact = left.double() @ right.double().T
    assert ((found.double() - exact).abs() <= bound * (left.abs().double() @ right.abs().double().T)).all()


def test_rough_products_are_of_a_type_that_has_them() -> None:
    assert least_dtype() in (torch.bfloat16, torch.float32)
