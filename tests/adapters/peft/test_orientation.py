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
    beside = {"h.0.attn.c_attn.weight": (4, 12), "h.0.attn.c_attn.bias": (12,)}
    name = "h.0.attn.c_proj.weight"
    assert transposed({**square, **beside}, name, configured=configured) is True
    plain = {"h.0.attn.c_attn.weight": (12, 4), "h.0.attn.c_attn.bias": (12,)}
    assert transposed({**square, **plain}, name, configured=configured) is False
    assert transposed(square, name, configured=configured) is configured


def test_layers_of_another_module_say_nothing_of_a_square_weight() -> None:
    """CLVP: Linear in the attention, Conv1D in the MLP of the same layer."""
    attention = {"layers.0.attn.q_proj.weight": (4, 4), "layers.0.attn.q_proj.bias": (4,)}
    mlp = {"layers.0.mlp.c_fc.weight": (4, 8), "layers.0.mlp.c_fc.bias": (8,)}
    assert transposed({**attention, **mlp}, "layers.0.attn.q_proj.weight") is False
