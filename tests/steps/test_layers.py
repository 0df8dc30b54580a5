"""`op: layers`: which list of layers a slice names, and what its tensors are called in the result."""

from __future__ import annotations

import json
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


def test_a_range_past_the_end_is_refused(bench: Workbench) -> None:
    bench.source("a", {"h.0.w": one(0), "h.1.w": one(1)})
    with pytest.raises(mergec.MergecError, match="goes past the 2 layers of `a`"):
        bench.recipe(stack("h.[1:3]")).check()
    assert sorted(bench.build(stack("h.[1:2]"))) == ["h.0.w", "h.1.w"]


@pytest.mark.parametrize("layers", ["h.[2:]", "h.[1:1]", "g.[:]"])
def test_a_range_without_a_layer_is_refused(bench: Workbench, layers: str) -> None:
    bench.source("a", {"h.0.w": one(0), "h.1.w": one(1)})
    assert set(bench.codes(stack(layers))) <= {"MC0311", "MC0120"}


def test_the_config_of_another_part_stays(bench: Workbench) -> None:
    config = {
        "text_config": {"num_hidden_layers": 2},
        "vision_config": {"num_hidden_layers": 2},
        "num_layers": 7,
    }
    bench.folder_source("a", {"h.0.w": one(0), "h.1.w": one(1)}, config__json=json.dumps(config))
    bench.build(stack("h.[:]"))
    written = json.loads((bench.out / "config.json").read_text())
    assert written == config | {"text_config": {"num_hidden_layers": 4}}


def test_a_stack_of_a_stack_counts_all(bench: Workbench) -> None:
    bench.folder_source("a", {"h.0.w": one(0), "h.1.w": one(1)}, config__json='{"n_layer": 2}')
    models = {
        "four": stack("h.[:]"),
        "six": {"op": "layers", "slices": [{"model": "four", "layers": f"h.{r}"} for r in ("[:]", "[2:]")]},
    }
    assert len(bench.build(models)) == 6
    assert json.loads((bench.out / "config.json").read_text()) == {"n_layer": 6}
