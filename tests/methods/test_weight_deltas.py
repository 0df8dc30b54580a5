"""Weight deltas as Vicuna and LLaVA shipped them, against the arithmetic of the scripts beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import mergec
from tests.conftest import bf16, read_checkpoint, stored, write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Array, Workbench

EXAMPLE = """\
mergec: 1
sources: {llama: llama-13b, shipped: {path: vicuna-13b-delta-v1.1, kind: delta}}
models:
  vicuna: {op: apply, base: llama, deltas: {shipped: 1.0}, larger: top_left}
output: {model: vicuna, path: build/vicuna-13b, dtype: float16}
"""
EMBED, UP, NORM, HEAD = (
    "model.embed_tokens.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.norm.weight",
    "lm_head.weight",
)
PROJECTOR = "model.mm_projector.weight"
OLD = {EMBED: (32, 8), UP: (24, 8), NORM: (8,), HEAD: (32, 8)}
NEW = {**OLD, EMBED: (33, 8), HEAD: (33, 8)}


def drawn(shapes: dict[str, tuple[int, ...]], seed: int, scale: float = 1.0) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: (scale * generator.normal(size=shape)).astype(np.float32) for name, shape in shapes.items()}


def halves(values: dict[str, Array]) -> dict[str, Array]:
    return {name: array.astype(np.float16) for name, array in values.items()}


def by_script(base: Array, delta: Array, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    """What FastChat's and LLaVA's `apply_delta` do to one tensor: all in 16 bits, on the top left."""
    result = torch.from_numpy(delta).to(dtype).clone()
    part = torch.from_numpy(base).to(dtype)
    result[tuple(slice(size) for size in part.shape)] += part
    return result


def apply(**keys: object) -> dict[str, object]:
    return {"op": "apply", "base": "base", "deltas": {"shipped": 1.0}, **keys}


def grown_sum(base: Array, delta: Array) -> Array:
    expected = delta.astype(np.float32).copy()
    expected[tuple(slice(size) for size in base.shape)] += base.astype(np.float32)
    return expected


def test_the_example_of_the_design_builds_as_it_is_written(tmp_path: Path) -> None:
    base, delta = halves(drawn(OLD, 1)), halves(drawn(NEW, 2, 0.01))
    write_checkpoint(tmp_path / "llama-13b" / "model.safetensors", base)
    (tmp_path / "llama-13b" / "config.json").write_text('{"vocab_size": 32, "intermediate_size": 24}')
    write_checkpoint(tmp_path / "vicuna-13b-delta-v1.1" / "model.safetensors", delta)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(EXAMPLE)
    made = mergec.load(recipe).build()
    tensors = read_checkpoint(made.path)
    for name, shape in NEW.items():
        assert tensors[name].shape == shape
        assert tensors[name].code == "F16"
        # One sum of float16 values, rounded once, is what the scripts compute as well.
        assert tensors[name].data == by_script(base[name], delta[name]).numpy().tobytes(), name
    config = json.loads((made.path / "config.json").read_text())
    assert config["vocab_size"] == 33
    assert config["intermediate_size"] == 24


class TestArithmetic:
    """A base of bfloat16 is where the scripts' arithmetic differs: they round it to float16 first."""

    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        self.base, self.delta = drawn({"w": (300, 7)}, 3, 1e-3), drawn({"w": (301, 9)}, 4, 1e-3)
        bench.source("base", self.base)
        bench.source("shipped", self.delta, kind="delta")

    @pytest.mark.parametrize("name", ["float16", "bfloat16"])
    def test_in_16_bits_it_is_that_of_the_scripts(self, bench: Workbench, name: str) -> None:
        made = bench.build(apply(larger="top_left", arithmetic=name))["w"]
        expected = by_script(self.base["w"], self.delta["w"], getattr(torch, name))
        assert made.data == expected.view(torch.int16).numpy().tobytes()
        assert made.code == {"float16": "F16", "bfloat16": "BF16"}[name]

    def test_by_default_it_is_float32_rounded_once(self, bench: Workbench) -> None:
        expected = grown_sum(self.base["w"], self.delta["w"])
        made = bench.build(apply(larger="top_left"))["w"]
        np.testing.assert_array_equal(made.values, expected)
        made = bench.build(apply(larger="top_left"), dtype="float16")["w"]
        np.testing.assert_array_equal(made.values, expected.astype(np.float16))
        assert made.data != by_script(self.base["w"], self.delta["w"]).numpy().tobytes()

    def test_each_step_is_rounded(self, bench: Workbench) -> None:
        bench.source("other", self.base, kind="delta")
        model = apply(larger="top_left", arithmetic="float16", deltas={"shipped": 0.3, "other": -1.7})
        half = {name: torch.from_numpy(values["w"]).half() for name, values in self._named().items()}
        expected = half["shipped"] * 0.3
        expected[:300, :7] = (half["base"] + expected[:300, :7]) + half["other"] * -1.7
        assert bench.build(model)["w"].data == expected.numpy().tobytes()

    def _named(self) -> dict[str, dict[str, Array]]:
        return {"base": self.base, "shipped": self.delta, "other": self.base}

    def test_a_delta_is_made_as_the_scripts_make_it(self, bench: Workbench) -> None:
        trained = drawn({"w": (301, 9)}, 5, 1e-3)
        bench.source("trained", trained)
        model = {"op": "delta", "of": "trained", "base": "base", "larger": "top_left"}
        made = bench.build({**model, "arithmetic": "float16"}, kind="delta")["w"]
        expected = torch.from_numpy(trained["w"]).half()
        expected[:300, :7] -= torch.from_numpy(self.base["w"]).half()
        assert made.data == expected.numpy().tobytes()


class TestLarger:
    @pytest.mark.parametrize(
        ("small", "large"),
        [((3,), (5,)), ((3, 2), (5, 2)), ((3, 2), (3, 4)), ((3, 2), (5, 4)), ((2, 3, 2, 1), (4, 3, 5, 2))],
    )
    @pytest.mark.parametrize("code", ["F32", "F16", "BF16"])
    def test_the_base_is_the_top_left_part(
        self, bench: Workbench, small: tuple[int, ...], large: tuple[int, ...], code: str
    ) -> None:
        base, delta = drawn({"w": small}, 6), drawn({"w": large}, 7)
        bench.source("base", {"w": stored(code, base["w"])})
        bench.source("shipped", {"w": stored(code, delta["w"])}, kind="delta")
        exact = bench.build(apply(larger="top_left"), dtype="float32")["w"].values
        read = {
            name: read_checkpoint(bench.folder / f"{name}.safetensors")["w"].values
            for name in ("base", "shipped")
        }
        np.testing.assert_array_equal(exact, grown_sum(read["base"], read["shipped"]))

    def test_the_rest_keeps_its_bits_at_strength_1(self, bench: Workbench) -> None:
        delta = np.array([[1.0, -0.0], [-0.0, 3.0], [-0.0, np.inf]], np.float32)
        bench.source("base", {"w": np.ones((1, 1), np.float32)})
        bench.source("shipped", {"w": delta}, kind="delta")
        made = bench.build(apply(larger="top_left"))["w"].values
        expected = delta.copy()
        expected[0, 0] = 2.0
        assert made.tobytes() == expected.tobytes()

    def test_the_rest_has_the_strength_of_its_delta(self, bench: Workbench) -> None:
        bench.source("base", {"w": np.ones((2, 2), np.float32)})
        bench.source("shipped", {"w": np.full((3, 2), 4.0, np.float32)}, kind="delta")
        made = bench.build(apply(larger="top_left", deltas={"shipped": 0.25}))["w"].values
        np.testing.assert_array_equal(made, [[2, 2], [2, 2], [1, 1]])

    def test_deltas_of_several_sizes_are_added_where_they_have_values(self, bench: Workbench) -> None:
        sizes = {"base": 2, "shipped": 3, "short": 2, "long": 4}
        for name, rows in sizes.items():
            values = {"w": np.full((rows, 2), rows, np.float32)}
            bench.source(name, values, **({} if name == "base" else {"kind": "delta"}))
        deltas = {"shipped": 1.0, "short": 10.0, "long": 100.0}
        made = bench.build(apply(larger="top_left", deltas=deltas))["w"].values
        np.testing.assert_array_equal(made[:, 0], [425, 425, 403, 400])

    def test_making_and_applying_a_delta_gives_the_trained_model(self, bench: Workbench) -> None:
        base: dict[str, Any] = {"w": np.arange(6, dtype=np.float32).reshape(3, 2), "ids": np.arange(3)}
        trained: dict[str, Any] = {"w": np.arange(12, dtype=np.float32).reshape(4, 3) / 2}
        trained["ids"] = np.arange(3)
        bench.source("base", base)
        bench.source("trained", trained)
        made = {"op": "delta", "of": "trained", "base": "base", "larger": "top_left"}
        np.testing.assert_array_equal(
            bench.build(made, kind="delta")["w"].values[:, :2][:3], trained["w"][:3, :2] - base["w"]
        )
        models = {"d": made, "again": apply(larger="top_left", deltas={"d": 1.0})}
        np.testing.assert_array_equal(bench.build(models)["w"].values, trained["w"])

    def test_scalars_and_equal_shapes_are_added(self, bench: Workbench) -> None:
        bench.source("base", {"s": np.array(2.0, np.float32), "w": np.ones(3, np.float32)})
        bench.source("shipped", {"s": np.array(0.5, np.float32), "w": np.ones(3, np.float32)}, kind="delta")
        made = bench.build(apply(larger="top_left"))
        assert made["s"].values == 2.5
        np.testing.assert_array_equal(made["w"].values, np.full(3, 2))

    def test_it_must_be_asked_for(self, bench: Workbench) -> None:
        bench.source("base", {"w": np.ones((2, 2), np.float32)})
        bench.source("shipped", {"w": np.ones((3, 2), np.float32)}, kind="delta")
        assert bench.codes(apply()) == ["MC0375"]

    @pytest.mark.parametrize("shape", [(1, 2), (3, 1), (2,), (2, 2, 1), ()])
    def test_a_smaller_or_crosswise_delta_is_refused(self, bench: Workbench, shape: tuple[int, ...]) -> None:
        bench.source("base", {"w": np.ones((2, 2), np.float32)})
        bench.source("shipped", {"w": np.ones(shape, np.float32)}, kind="delta")
        assert bench.codes(apply(larger="top_left")) == ["MC0401"]

    def test_a_delta_is_not_made_to_a_larger_base(self, bench: Workbench) -> None:
        bench.source("base", {"w": np.ones((3, 2), np.float32)})
        bench.source("trained", {"w": np.ones((2, 2), np.float32)})
        model = {"op": "delta", "of": "trained", "base": "base", "larger": "top_left"}
        assert bench.codes(model, kind="delta") == ["MC0401"]

    def test_integers_are_those_of_the_base(self, bench: Workbench) -> None:
        bench.source("base", {"w": np.ones(2, np.float32), "ids": np.arange(2)})
        bench.source("shipped", {"w": np.ones(3, np.float32), "ids": np.arange(3)}, kind="delta")
        np.testing.assert_array_equal(bench.build(apply(larger="top_left"))["ids"].values, np.arange(2))

    def test_the_plan_says_which_tensors_are_larger(self, bench: Workbench) -> None:
        bench.source("base", {"w": np.ones(2, np.float32), "v": np.ones(2, np.float32)})
        bench.source("shipped", {"w": np.ones(3, np.float32), "v": np.ones(2, np.float32)}, kind="delta")
        (remark,) = bench.recipe(apply(larger="top_left")).check().checked.remarks
        assert remark.what == "larger than in base, which is their top-left part"
        assert remark.names == ("w",)


class TestNew:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        self.delta = drawn({**NEW, PROJECTOR: (8, 5)}, 8)
        bench.source("base", drawn(OLD, 9))
        bench.source("shipped", {n: bf16(v) for n, v in self.delta.items()}, kind="delta")

    def test_must_be_allowed_by_name(self, bench: Workbench) -> None:
        assert bench.codes(apply(larger="top_left")) == ["MC0306"]
        assert bench.codes(apply(larger="top_left", new=["model.image_newline"])) == ["MC0125", "MC0306"]

    def test_is_added_as_it_is(self, bench: Workbench) -> None:
        model = apply(larger="top_left", new=["model.mm_projector.**"])
        made = bench.build(model)
        held = read_checkpoint(bench.folder / "shipped.safetensors")[PROJECTOR]
        assert made[PROJECTOR] == held
        assert made[EMBED].shape == (33, 8)
        remarks = {r.what: r.names for r in bench.recipe(model).check().checked.remarks}
        assert remarks["not in base, added"] == (PROJECTOR,)

    def test_is_scaled_and_summed_as_the_rest(self, bench: Workbench) -> None:
        other = drawn({**OLD, PROJECTOR: (8, 5)}, 10)
        bench.source("other", other, kind="delta")
        bench.source("plain", drawn(OLD, 11), kind="delta")
        deltas = {"plain": 1.0, "other": 0.5, "shipped": 0.25}
        made = bench.build(apply(larger="top_left", new=["**"], deltas=deltas), dtype="float32")
        held = read_checkpoint(bench.folder / "shipped.safetensors")[PROJECTOR].values
        expected = other[PROJECTOR] * np.float32(0.5) + held * np.float32(0.25)
        np.testing.assert_array_equal(made[PROJECTOR].values, expected)

    def test_keeps_what_only_the_base_holds_where_missing_says_so(self, bench: Workbench) -> None:
        bench.source("base", drawn({**OLD, "extra": (3,)}, 9))
        model: dict[str, Any] = apply(larger="top_left", new=["**.mm_projector.**"])
        assert bench.codes(model) == ["MC0306"]
        assert set(bench.build({**model, "missing": "base"})) == {*NEW, PROJECTOR, "extra"}

    def test_stays_out_where_it_is_not_worked_on(self, bench: Workbench) -> None:
        made = bench.build(apply(larger="top_left", new=["**"], where=["lm_head.*"]))
        assert set(made) == set(OLD)

    def test_is_kept_whole_in_a_delta(self, bench: Workbench) -> None:
        trained: dict[str, Any] = {**drawn({**NEW, PROJECTOR: (8, 5)}, 12), "step": np.arange(2)}
        bench.source("trained", trained)
        model = {"op": "delta", "of": "trained", "base": "base", "larger": "top_left", "new": ["**"]}
        made = bench.build(model, kind="delta")
        np.testing.assert_array_equal(made[PROJECTOR].values, trained[PROJECTOR])
        np.testing.assert_array_equal(made["step"].values, trained["step"])
        models = {"d": model, "again": apply(larger="top_left", new=["**"], deltas={"d": 1.0})}
        assert set(bench.build(models)) == set(trained)

    def test_a_new_scalar_is_added(self, bench: Workbench) -> None:
        bench.source("base", {"w": np.ones(2, np.float32)})
        scalar = {"w": np.ones(2, np.float32), "scale": np.array(3.0, np.float32)}
        bench.source("shipped", scalar, kind="delta")
        assert bench.build(apply(new=["scale"]))["scale"].values == 3.0


def test_a_delta_of_a_model_of_another_size_is_told(bench: Workbench) -> None:
    larger = {name: tuple(size + 4 for size in shape) for name, shape in OLD.items()}
    bench.source("base", drawn(OLD, 13))
    bench.source("shipped", drawn(larger, 14), kind="delta")
    assert bench.codes(apply()) == ["MC0375"]
    recipe = bench.recipe(apply(larger="top_left"))
    recipe.check()
    assert [warning.code for warning in recipe.warnings] == ["MC0376"]
