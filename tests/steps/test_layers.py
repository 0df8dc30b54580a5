"""`op: layers`: which list of layers a slice names, and what its tensors are called in the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec

if TYPE_CHECKING:
    from tests.conftest import Array, Workbench


def one(value: float) -> Array:
    return np.array([value], np.float32)


def stack(layers: str) -> dict[str, object]:
    return {"op": "layers", "slices": [{"model": "a", "layers": layers}] * 2}


def test_layers_are_numbered_anew(bench: Workbench) -> None:
    bench.source("a", {"m.layers.0.w": one(0), "m.layers.1.w": one(1), "m.layers.2.w": one(2), "e": one(9)})
    made = bench.build(stack("m.layers.[1:]"))
    values = {name: tensor.values[0] for name, tensor in made.items()}
    assert values == {
        "e": 9,
        "m.layers.0.w": 1,
        "m.layers.1.w": 2,
        "m.layers.2.w": 1,
        "m.layers.3.w": 2,
    }


@pytest.mark.parametrize("path", ["**.layers", "*.layers", "(m|n).layers", "{x}.layers"])
def test_the_list_is_a_name_and_not_a_pattern(bench: Workbench, path: str) -> None:
    bench.source("a", {"m.layers.0.w": one(0)})
    assert set(bench.codes(stack(f"{path}.[:]"))) == {"MC0311"}


def test_a_list_whose_name_holds_special_characters(bench: Workbench) -> None:
    bench.source("a", {"m*.0.w": one(0)})
    assert sorted(bench.build(stack(r"m\*.[:]"))) == ["m*.0.w", "m*.1.w"]


def test_numbers_with_leading_zeros(bench: Workbench) -> None:
    bench.source("a", {"h.00.w": one(0), "h.01.w": one(1)})
    assert sorted(bench.build(stack("h.[0:1]"))) == ["h.0.w", "h.1.w"]


def test_two_tensors_of_one_layer_under_one_name(bench: Workbench) -> None:
    bench.source("a", {"h.0.w": one(0), "h.00.w": one(1)})
    with pytest.raises(mergec.MergecError, match="both are `w` of layer 0"):
        bench.recipe(stack("h.[:]")).check()
