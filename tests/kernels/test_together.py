from __future__ import annotations

import pytest
import torch

from mergec.kernels.together import together


@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 4), (2, 3, 4), (5, 0, 2)])
@pytest.mark.parametrize("size", [1, 4, 5, 100])
def test_parts_have_every_element_once_beside_those_of_the_others(shape: tuple[int, ...], size: int) -> None:
    source = torch.rand(shape)
    out = torch.full(shape, -1.0)
    for result, part in together((out, source), size):
        assert 0 < len(result) <= size
        assert (result == -1).all()
        result.copy_(part)
    assert torch.equal(out, source)
