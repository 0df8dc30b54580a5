"""The operations on whole models, each on tensors small enough to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.kernels.normal import normal_values

if TYPE_CHECKING:
    from tests.conftest import Workbench

A = np.array([1.0, 2.0], np.float32)
B = np.array([3.0, 5.0], np.float32)


def numbered(count: int, first: int = 0) -> dict[str, np.ndarray]:
    layers = {f"model.layers.{i}.w": np.full(2, first + i, np.float32) for i in range(count)}
    return {"embed": np.full(2, first + 90, np.float32), **layers, "head": np.full(2, first + 91, np.float32)}


def firsts(bench: Workbench, model: object) -> dict[str, float]:
    return {name: float(tensor.values[0]) for name, tensor in bench.build(model).items()}


class TestGraft:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        bench.source("a", {"text.w": A, "vision.w": A})
        bench.source("b", {"vision.w": np.ones((3, 2), np.float16), "vision.b": B, "text.w": B})

    def test_replaces_and_adds(self, bench: Workbench) -> None:
        made = bench.build({"op": "graft", "into": "a", "from": "b", "take": ["vision.**"]})
        np.testing.assert_array_equal(made["text.w"].values, A)
        np.testing.assert_array_equal(made["vision.b"].values, B)
        assert (made["vision.w"].code, made["vision.w"].shape) == ("F16", (3, 2))

    def test_renames_what_it_takes(self, bench: Workbench) -> None:
        rules = ["vision.{rest:**} -> tower.{rest}"]
        made = bench.build({"op": "graft", "into": "a", "from": "b", "take": ["vision.b"], "rename": rules})
        assert set(made) == {"text.w", "vision.w", "tower.b"}

    def test_says_what_it_did(self, bench: Workbench) -> None:
        compiled = bench.recipe({"op": "graft", "into": "a", "from": "b", "take": ["vision.**"]}).check()
        assert {r.what: r.names for r in compiled.checked.remarks} == {
            "replaced from b": ("vision.w",),
            "added from b": ("vision.b",),
        }

    def test_copies_bytes_and_computes_nothing(self, bench: Workbench) -> None:
        plan = bench.recipe({"op": "graft", "into": "a", "from": "b", "take": ["vision.**"]}).plan()
        assert all(region.is_copy for region in plan.regions)

    def test_a_pattern_that_takes_nothing_is_refused(self, bench: Workbench) -> None:
        assert bench.codes({"op": "graft", "into": "a", "from": "b", "take": ["audio.**"]}) == ["MC0125"]

    def test_a_rule_that_changes_shapes_is_refused(self, bench: Workbench) -> None:
        rule = {"from": "vision.w", "to": "w", "transpose": [1, 0]}
        model = {"op": "graft", "into": "a", "from": "b", "take": ["vision.w"], "rename": [rule]}
        assert bench.codes(model) == ["MC0307"]


class TestOverride:
    def test_later_models_win(self, bench: Workbench) -> None:
        for number, name in enumerate("abc"):
            bench.source(name, {"shared": np.full(2, number, np.float32), name: A})
        bench.source("d", {"c": B})
        found = firsts(bench, {"op": "override", "base": "a", "with": ["b", "c", "d"]})
        assert found == {"shared": 2, "a": 1, "b": 1, "c": 3}


class TestSelect:
    @pytest.fixture(autouse=True)
    def _source(self, bench: Workbench) -> None:
        bench.source("a", {"text.w": A, "text.b": B, "vision.w": A})

    def test_keeps_drops_and_renames(self, bench: Workbench) -> None:
        model = {
            "op": "select",
            "model": "a",
            "keep": ["text.**"],
            "drop": ["**.b"],
            "rename": ["text.{x} -> {x}"],
        }
        assert firsts(bench, model) == {"w": 1}

    def test_of_nothing_is_refused(self, bench: Workbench) -> None:
        assert bench.codes({"op": "select", "model": "a", "drop": ["**"]}) == ["MC0312"]


class TestLayers:
    def test_are_stacked_and_numbered_anew(self, bench: Workbench) -> None:
        bench.source("a", numbered(4))
        bench.source("b", numbered(4, 10))
        slices = [
            {"model": "a", "layers": "model.layers.[0:3]"},
            {"model": "b", "layers": "model.layers.[2:4]"},
            {"model": "a", "layers": "model.layers.[-1:]"},
        ]
        layers = {f"model.layers.{i}.w": value for i, value in enumerate([0, 1, 2, 12, 13, 3])}
        expected = {"embed": 90, "head": 91, **layers}
        assert firsts(bench, {"op": "layers", "slices": slices}) == expected

    @pytest.mark.parametrize("key", ["num_hidden_layers", "n_layer", "num_layers"])
    def test_config_counts_them(self, bench: Workbench, key: str) -> None:
        config = json.dumps({key: 4, "hidden_size": 2})
        bench.folder_source("a", numbered(4), config__json=config)
        slices = [
            {"model": "a", "layers": "model.layers.[0:3]"},
            {"model": "a", "layers": "model.layers.[1:4]"},
        ]
        bench.build({"op": "layers", "slices": slices})
        assert json.loads((bench.out / "config.json").read_text()) == {key: 6, "hidden_size": 2}

    @pytest.mark.parametrize("layers", ["model.layers", "model.layers.3", "[0:2]"])
    def test_need_a_range(self, bench: Workbench, layers: str) -> None:
        bench.source("a", numbered(4))
        assert bench.codes({"op": "layers", "slices": [{"model": "a", "layers": layers}]}) == ["MC0311"]

    def test_of_another_list_are_refused(self, bench: Workbench) -> None:
        bench.source("a", {"x.0.w": A, "y.0.w": A})
        slices = [{"model": "a", "layers": "x.[0:1]"}, {"model": "a", "layers": "y.[0:1]"}]
        assert bench.codes({"op": "layers", "slices": slices}) == ["MC0311"]


class TestCast:
    def test_rounds_before_what_follows(self, bench: Workbench) -> None:
        third = np.array([1 / 3, 2 / 3], np.float32)
        bench.source("a", {"w": third})
        models = {
            "rounded": {"op": "cast", "model": "a", "dtype": "bfloat16"},
            "merged": {"op": "linear", "inputs": {"rounded": 0.5, "a": 0.5}},
        }
        rounded = np.array([0x3EAB0000, 0x3F2B0000], np.uint32).view(np.float32)
        made = bench.build(models, dtype="float32")["w"]
        np.testing.assert_array_equal(made.values, rounded * np.float32(0.5) + third * np.float32(0.5))

    def test_decides_the_dtype_that_is_written(self, bench: Workbench) -> None:
        bench.source("a", {"w": A, "norm": A, "ids": np.arange(2)})
        model = {"op": "cast", "model": "a", "dtype": {"norm": "float32", "**": "float16"}}
        codes = {name: tensor.code for name, tensor in bench.build(model).items()}
        assert codes == {"w": "F16", "norm": "F32", "ids": "I64"}


class TestInit:
    @pytest.fixture(autouse=True)
    def _source(self, bench: Workbench) -> None:
        bench.source("a", {"w": A})

    def test_fills_with_zeros_ones_and_normal_values(self, bench: Workbench) -> None:
        tensors = {
            "zero": {"shape": [2, 3], "fill": "zeros", "dtype": "bfloat16"},
            "one": {"shape": [], "fill": "ones"},
            "noise": {"shape": [100, 3], "fill": {"normal": 0.02}, "dtype": "float32"},
        }
        made = bench.build({"op": "init", "tensors": tensors, "seed": 7})
        assert (made["zero"].code, made["zero"].data) == ("BF16", bytes(12))
        assert (made["one"].code, made["one"].shape) == ("F32", ())
        assert made["one"].values == 1.0
        expected = normal_values(7, "noise", 0.02, 0, 300).reshape(100, 3)
        np.testing.assert_array_equal(made["noise"].values, expected)

    def test_another_seed_gives_other_values(self, bench: Workbench) -> None:
        tensors = {"noise": {"shape": [8], "fill": {"normal": 1.0}}}
        first = bench.build({"op": "init", "tensors": tensors, "seed": 1})
        second = bench.build({"op": "init", "tensors": tensors, "seed": 2})
        assert first != second

    def test_values_can_be_computed_with(self, bench: Workbench) -> None:
        tensors = {"w": {"shape": [2], "fill": {"normal": 0.5}}}
        models = {"fresh": {"op": "init", "tensors": tensors}, "merged": "0.5 * a + 0.5 * fresh"}
        noise = normal_values(0, "w", 0.5, 0, 2)
        expected = A * np.float32(0.5) + noise * np.float32(0.5)
        np.testing.assert_array_equal(bench.build(models)["w"].values, expected)
