"""Adapters made from fine-tunes, folded back by mergec itself and by PEFT, against numpy's decomposition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from tests.conftest import bf16

if TYPE_CHECKING:
    from tests.conftest import Workbench

    Array = np.ndarray[Any, Any]

RNG = np.random.default_rng(5)
PREFIX = "base_model.model."
SHAPES = {
    "model.embed_tokens.weight": (20, 6),
    "model.layers.0.q_proj.weight": (8, 6),
    "model.layers.0.down_proj.weight": (6, 12),
    "model.layers.0.square.weight": (6, 6),
    "model.layers.0.conv.weight": (5, 4, 3, 3),
    "model.layers.0.q_proj.bias": (8,),
    "model.layers.0.norm.weight": (6,),
    "model.layers.0.norm.bias": (6,),
}
MATRICES = [name for name, shape in SHAPES.items() if len(shape) > 1]


def drawn(*shape: int) -> Array:
    made: Array = RNG.normal(size=shape).astype(np.float32)
    return made


@pytest.fixture
def models(bench: Workbench) -> tuple[dict[str, Array], dict[str, Array]]:
    base = {name: drawn(*shape) for name, shape in SHAPES.items()}
    tuned = {name: value + drawn(*value.shape) for name, value in base.items()}
    bench.source("base", base)
    bench.source("tuned", tuned)
    return base, tuned


def extracted(rank: object, **keys: object) -> dict[str, object]:
    return {"op": "extract_lora", "of": "tuned", "base": "base", "rank": rank, **keys}


def best(change: Array, rank: int) -> Array:
    """The closest matrix of that rank, by numpy's decomposition in float64."""
    flat = change.astype(np.float64).reshape(change.shape[0], -1)
    u, s, v = np.linalg.svd(flat, full_matrices=False)
    made: Array = ((u[:, :rank] * s[:rank]) @ v[:rank]).reshape(change.shape)
    return made


def folded_again(bench: Workbench, path: str) -> dict[str, Array]:
    bench.sources["made"] = {"path": path}
    found = bench.build({"op": "lora", "base": "base", "adapters": ["made"]}, path="folded")
    return {name: tensor.values for name, tensor in found.items()}


Models = tuple[dict[str, "Array"], dict[str, "Array"]]


class TestRoundTrip:
    @pytest.mark.parametrize("rank", [1, 3])
    def test_folding_gives_the_best_approximation(self, bench: Workbench, models: Models, rank: int) -> None:
        base, tuned = models
        bench.build(extracted(rank))
        folded = folded_again(bench, "out")
        for name in SHAPES:
            change = tuned[name] - base[name]
            expected = base[name] + best(change, rank) if name in MATRICES else tuned[name]
            np.testing.assert_allclose(folded[name], expected, atol=2e-6, err_msg=name)

    def test_all_ranks_give_the_fine_tune_back(self, bench: Workbench, models: Models) -> None:
        bench.build(extracted(1000))
        folded = folded_again(bench, "out")
        for name, value in models[1].items():
            np.testing.assert_allclose(folded[name], value, atol=2e-6, err_msg=name)

    def test_kohya(self, bench: Workbench, models: Models) -> None:
        base, tuned = models
        found = bench.build(extracted(2, format="kohya", others="drop"), path="made.safetensors")
        assert found["lora_unet_model_layers_0_conv.lora_down.weight"].shape == (2, 4, 3, 3)
        assert found["lora_unet_model_layers_0_conv.lora_up.weight"].shape == (5, 2, 1, 1)
        assert found["lora_unet_model_layers_0_conv.alpha"].values == 2.0
        folded = folded_again(bench, "made.safetensors")
        for name in SHAPES:
            flat = f"lora_unet_{name.removesuffix('.weight').replace('.', '_')}"
            expected = base[name]
            if name in MATRICES[1:]:  # the fold as kohya's scripts do it
                up, down = (found[f"{flat}.lora_{part}.weight"].values for part in ("up", "down"))
                expected = base[name] + (up.reshape(len(up), -1) @ down.reshape(2, -1)).reshape(
                    up.shape[:1] + base[name].shape[1:]
                )
                np.testing.assert_allclose(
                    expected, base[name] + best(tuned[name] - base[name], 2), atol=2e-6
                )
            np.testing.assert_allclose(folded[name], expected, atol=2e-6, err_msg=name)

    def test_a_large_rank_of_sixteen_bits(self, bench: Workbench) -> None:
        for name in ("base", "tuned"):
            bench.source(name, {"w.weight": bf16(drawn(300, 300))})
        found = bench.build(extracted(259, format="kohya"), path="made.safetensors")
        assert found["lora_unet_w.alpha"].values == 259.0
        assert found["lora_unet_w.lora_up.weight"].code == "BF16"

    def test_within_one_recipe(self, bench: Workbench, models: Models) -> None:
        base, tuned = models
        folded = bench.build(
            {"made": extracted(2), "merged": {"op": "lora", "base": "base", "adapters": {"made": 0.5}}}
        )
        name = "model.layers.0.q_proj.weight"
        expected = base[name] + 0.5 * best(tuned[name] - base[name], 2)
        np.testing.assert_allclose(folded[name].values, expected, atol=2e-6)


class TestWhatIsKept:
    NAME = "model.layers.0.square.weight"

    def change(self, bench: Workbench, **keys: object) -> Array:
        sizes = np.array([6.0, 5.0, 2.0, 0.1, 0.0, 0.0])
        q, _ = np.linalg.qr(drawn(6, 6).astype(np.float64))
        bench.source("base", {self.NAME: np.zeros((6, 6), np.float32)})
        bench.source("tuned", {self.NAME: (q * sizes).astype(np.float32)})
        found = bench.build(extracted(5, **keys))
        a, b = (found[f"{PREFIX}{self.NAME.removesuffix('.weight')}.lora_{x}.weight"].values for x in "AB")
        assert (a.shape, b.shape) == ((5, 6), (6, 5))
        made: Array = np.linalg.svd(b.astype(np.float64) @ a, compute_uv=False)
        return made

    @pytest.mark.parametrize(
        ("keys", "sizes"),
        [
            ({}, [6, 5, 2, 0.1, 0, 0]),
            ({"energy": 0.99}, [6, 5, 2, 0, 0, 0]),
            ({"energy": {"**": 0.5}}, [6, 0, 0, 0, 0, 0]),
            ({"epsilon": 2.5}, [6, 5, 0, 0, 0, 0]),
            ({"epsilon": 7}, [0, 0, 0, 0, 0, 0]),
        ],
    )
    def test_energy_and_epsilon(self, bench: Workbench, keys: dict[str, object], sizes: list[float]) -> None:
        np.testing.assert_allclose(self.change(bench, **keys), sizes, atol=1e-5)

    def test_what_is_not_finite_spreads(self, bench: Workbench) -> None:
        change = drawn(6, 6)
        change[2, 3] = np.nan
        bench.source("base", {self.NAME: np.zeros((6, 6), np.float32), "b.weight": drawn(4, 3)})
        bench.source("tuned", {self.NAME: change, "b.weight": drawn(4, 3)})
        found = bench.build(extracted(2))
        for name, tensor in found.items():
            assert np.isnan(tensor.values).all() == ("square" in name)

    def test_zeros_have_factors_of_zeros(self, bench: Workbench) -> None:
        bench.source("base", {self.NAME: drawn(6, 6)})
        bench.folder.joinpath("tuned.safetensors").write_bytes(
            bench.folder.joinpath("base.safetensors").read_bytes()
        )
        bench.sources["tuned"] = {"path": "tuned.safetensors"}
        for tensor in bench.build(extracted(2)).values():
            np.testing.assert_array_equal(tensor.values, 0.0)


class TestFiles:
    @pytest.mark.usefixtures("models")
    def test_ranks_that_differ_are_patterns(self, bench: Workbench) -> None:
        bench.build(extracted({"**.q_proj.**": 3, "**": 2}))
        config = json.loads((bench.out / "adapter_config.json").read_text())
        assert config["r"] == config["lora_alpha"] == 2
        assert config["rank_pattern"] == config["alpha_pattern"] == {r"^model\.layers\.0\.q_proj": 3}
        assert config["bias"] == "all"
        assert config["modules_to_save"] == ["model.layers.0.norm"]

    @pytest.mark.usefixtures("models")
    def test_biases_and_norms(self, bench: Workbench) -> None:
        saved = bench.build(extracted(2))
        assert f"{PREFIX}model.layers.0.q_proj.base_layer.bias" in saved
        assert f"{PREFIX}model.layers.0.norm.weight" in saved
        dropped = bench.build(extracted(2, others="drop"))
        assert set(dropped) == {name for name in saved if "lora_" in name}

    def test_nothing_of_the_base_lies_beside_an_adapter(self, bench: Workbench) -> None:
        name = "a.weight"
        bench.folder_source("base", {name: drawn(3, 3)}, config__json='{"model_type": "llama"}')
        bench.source("tuned", {name: drawn(3, 3)})
        recipe = bench.recipe(extracted(1))
        plan = recipe.plan()
        recipe.build(workers=1)
        assert not (bench.out / "config.json").exists()
        assert (bench.out / "adapter_model.safetensors").exists()
        assert mergec.verify(bench.out).is_as_promised
        assert plan.memory.peak > 0

    def test_the_dtype_is_that_of_the_fine_tune(self, bench: Workbench) -> None:
        bench.source("base", {"a.weight": drawn(4, 3)})
        bench.source("tuned", {"a.weight": bf16(drawn(4, 3))})
        assert {tensor.code for tensor in bench.build(extracted(1)).values()} == {"BF16"}

    def test_the_same_tensor_by_the_recipe_is_left_out(self, bench: Workbench) -> None:
        tensors = {"a.weight": drawn(4, 3), "b.weight": drawn(4, 3)}
        bench.source("base", tensors)
        bench.source("other", {name: drawn(4, 3) for name in tensors})
        grafted = {"op": "graft", "into": "base", "from": "other", "take": ["a.*"]}
        found = bench.build({"tuned": grafted, "made": extracted(1)})
        assert set(found) == {f"{PREFIX}a.lora_A.weight", f"{PREFIX}a.lora_B.weight"}
