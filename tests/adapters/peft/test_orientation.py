from __future__ import annotations

import numpy as np
import pytest

from mergec.adapters.peft.config import PeftConfig
from mergec.adapters.peft.context import PeftContext
from mergec.adapters.peft.dialect import Peft
from mergec.adapters.peft.orientation import is_transposed
from tests.adapters.evaluate import Bench


def transposed(shapes: dict[str, tuple[int, ...]], weight: str, *, configured: bool = False) -> bool | None:
    bench = Bench()
    tensors = bench.tensors({name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    out = max(shapes[weight])
    made = (out, min(shapes[weight]))
    adapter = bench.adapter({}, bench.facts())
    config = PeftConfig("LORA", {"fan_in_fan_out": configured}, adapter)
    return is_transposed(weight, made, PeftContext(adapter, config, tensors))


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


SQUARE = {"attn.q_proj.weight": (4, 4), "attn.q_proj.bias": (4,), "attn.v_proj.weight": (4, 4)}
CONV1D = {"mlp.c_fc.weight": (4, 8), "mlp.c_fc.bias": (8,)}
LINEAR = {"mlp.fc.weight": (8, 4), "mlp.fc.bias": (8,)}


def warnings(shapes: dict[str, tuple[int, ...]], kind: str = "LORA", *, configured: bool = True) -> list[str]:
    """What an adapter of all matrices of a base warns of; those with 8 rows or columns have 8 outputs."""
    bench = Bench()
    factors = {}
    for name, shape in shapes.items():
        path = f"base_model.model.{name.removesuffix('.weight')}"
        if len(shape) == 2 and kind == "LORA":
            factors[f"{path}.lora_A.weight"] = np.ones((2, min(shape)), np.float32)
            factors[f"{path}.lora_B.weight"] = np.ones((max(shape), 2), np.float32)
        elif len(shape) == 2:
            factors[f"{path}.ia3_l"] = np.ones((max(shape), 1), np.float32)
    config = {"peft_type": kind, "r": 2, "lora_alpha": 2, "fan_in_fan_out": configured}
    adapter = bench.adapter(factors, bench.facts(config))
    tensors = bench.tensors({name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    reading = Peft().read(adapter, tensors)
    assert reading.problems == []
    assert reading.unmatched == {}
    return [one.message for one in reading.warnings]


@pytest.mark.parametrize("kind", ["LORA", "IA3"])
@pytest.mark.parametrize("configured", [True, False])
def test_a_square_weight_of_which_nothing_tells_beside_a_conv1d(kind: str, configured: bool) -> None:  # noqa: FBT001  # parametrised
    (told,) = warnings({**SQUARE, **CONV1D}, kind, configured=configured)
    assert told.startswith("which way round `attn.q_proj.weight` and 1 more is stored cannot be told")


@pytest.mark.parametrize("kind", ["LORA", "IA3"])
def test_no_doubt_where_no_layer_or_every_layer_tells(kind: str) -> None:
    beside = {"attn.c_attn.weight": (4, 8), "attn.c_attn.bias": (8,)}
    assert warnings({**SQUARE, **LINEAR}, kind, configured=False) == []
    assert warnings({**SQUARE, **beside, **CONV1D}, kind) == []
    assert warnings({**LINEAR, **CONV1D}, kind) == []
    assert warnings(SQUARE, kind) == []
