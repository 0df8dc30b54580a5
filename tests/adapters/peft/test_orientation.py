from __future__ import annotations

import numpy as np
import pytest

from mergec.adapters.peft.orientation import is_transposed
from tests.adapters.evaluate import Bench


def transposed(shapes: dict[str, tuple[int, ...]], weight: str, *, configured: bool = False) -> bool | None:
    tensors = Bench().tensors({name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    out = max(shapes[weight])
    made = (out, min(shapes[weight]))
    return is_transposed(weight, made, tensors, configured=configured)


def test_shapes_decide() -> None:
    assert transposed({"a.weight": (4, 2)}, "a.weight", configured=True) is False
    assert transposed({"a.weight": (2, 4)}, "a.weight", configured=False) is True
    assert transposed({"a.weight": (4, 2, 1)}, "a.weight") is None


@pytest.mark.parametrize("configured", [True, False])
def test_neighbours_tell_of_a_square_weight(configured: bool) -> None:  # noqa: FBT001  # parametrised
    square = {"h.0.attn.c_proj.weight": (4, 4), "h.0.attn.c_proj.bias": (4,)}
    beside = {"h.0.mlp.c_fc.weight": (4, 8), "h.0.mlp.c_fc.bias": (8,)}
    name = "h.0.attn.c_proj.weight"
    assert transposed({**square, **beside}, name, configured=configured) is True
    plain = {"h.0.mlp.c_fc.weight": (8, 4), "h.0.mlp.c_fc.bias": (8,)}
    assert transposed({**square, **plain}, name, configured=configured) is False
    assert transposed(square, name, configured=configured) is configured
