"""`op: resize`: vocabulary rows and position embeddings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

import mergec
from tests.conftest import bf16, round_to_bf16

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Array, Workbench


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def resize(**how: Any) -> dict[str, Any]:
    return {"op": "resize", "model": "a", "tensors": {"w": how}}


class TestRows:
    def test_new_rows_of_zeros(self, bench: Workbench) -> None:
        w = numbers(5, 3)
        bench.source("a", {"w": w, "other": numbers(2)})
        made = bench.build(resize(rows=8, pad="zeros"))
        np.testing.assert_array_equal(made["w"].values, np.concatenate([w, np.zeros((3, 3))]))
        np.testing.assert_array_equal(made["other"].values, numbers(2))

    @pytest.mark.parametrize("rows", [5, 40_000])
    def test_new_rows_are_the_mean_of_the_old(self, bench: Workbench, rows: int) -> None:
        w = numbers(rows, 7) + 3
        bench.source("a", {"w": w})
        made = bench.build(resize(rows=rows + 2, pad="mean"))["w"].values
        np.testing.assert_array_equal(made[:rows], w)
        expected = w.astype(np.float64).mean(axis=0).astype(np.float32)
        np.testing.assert_array_equal(made[rows:], np.stack([expected] * 2))

    def test_the_mean_is_rounded_once(self, bench: Workbench) -> None:
        w = round_to_bf16(numbers(500, 7))
        bench.source("a", {"w": bf16(w)})
        made = bench.build(resize(rows=501, pad="mean"))["w"]
        assert made.code == "BF16"
        mean = w.astype(np.float64).mean(axis=0).astype(np.float32)
        np.testing.assert_array_equal(made.values[500], round_to_bf16(mean))

    def test_new_rows_of_noise_depend_on_seed_and_name_alone(self, bench: Workbench) -> None:
        bench.source("a", {"w": numbers(5, 3), "v": numbers(5, 3)})
        model = {"op": "resize", "model": "a", "tensors": {"*": {"rows": 3000, "pad": {"normal": 0.5}}}}
        made = {seed: bench.build(model | {"seed": seed}) for seed in (0, 1, 0)}
        noise = made[0]["w"].values[5:]
        assert abs(noise.std() - 0.5) < 0.02
        assert abs(noise.mean()) < 0.02
        assert not np.array_equal(noise, made[1]["w"].values[5:])
        assert not np.array_equal(noise, made[0]["v"].values[5:])
        np.testing.assert_array_equal(bench.build(model)["w"].values[5:], noise)

    def test_rows_are_cut_off_when_asked(self, bench: Workbench) -> None:
        w = numbers(5, 3)
        bench.source("a", {"w": w})
        np.testing.assert_array_equal(bench.build(resize(rows=2, truncate=True))["w"].values, w[:2])
        assert bench.codes(resize(rows=2)) == ["MC0370"]

    def test_a_shape_may_differ_in_its_rows(self, bench: Workbench) -> None:
        w = numbers(5, 3)
        bench.source("a", {"w": w})
        made = bench.build(resize(shape=[6, 3], pad="zeros"))["w"].values
        np.testing.assert_array_equal(made, np.concatenate([w, np.zeros((1, 3))]))
        assert bench.codes(resize(shape=[5, 4], pad="zeros")) == ["MC0370"]
        assert bench.codes(resize(shape=[15], pad="zeros")) == ["MC0370"]

    def test_the_same_number_of_rows_is_a_copy(self, bench: Workbench) -> None:
        w = numbers(5, 3)
        bench.source("a", {"w": w})
        np.testing.assert_array_equal(bench.build(resize(rows=5))["w"].values, w)

    def test_biases_have_rows_too(self, bench: Workbench) -> None:
        bench.source("a", {"w": numbers(5)})
        made = bench.build(resize(rows=7, pad="mean"))["w"].values
        expected = np.float32(numbers(5).astype(np.float64).mean())
        np.testing.assert_array_equal(made[5:], [expected, expected])

    def test_a_merged_model_is_resized_as_one(self, bench: Workbench) -> None:
        a, b = numbers(5, 3), numbers(5, 3, seed=1)
        bench.source("a", {"w": a})
        bench.source("b", {"w": b})
        models = {
            "mixed": {"op": "interpolate", "from": "a", "to": "b", "t": 0.5},
            "grown": {"op": "resize", "model": "mixed", "tensors": {"w": {"rows": 6, "pad": "mean"}}},
        }
        mixed = a * np.float32(0.5) + b * np.float32(0.5)
        made = bench.build(models)["w"].values
        np.testing.assert_array_equal(made[:5], mixed)
        np.testing.assert_allclose(made[5], mixed.astype(np.float64).mean(axis=0), rtol=1e-6)

    def test_memory_stays_within_a_small_budget(self, bench: Workbench) -> None:
        bench.source("a", {"w": numbers(60_000, 128)})
        recipe = bench.recipe(resize(rows=60_001, pad="mean"))
        plan = recipe.plan(memory="48MiB")
        assert plan.memory.peak < 48 << 20


class TestGrids:
    @pytest.mark.parametrize("prefix", [0, 1, 2])
    @pytest.mark.parametrize("batched", [False, True])
    def test_rows_before_the_grid_are_kept(self, bench: Workbench, prefix: int, *, batched: bool) -> None:
        w = numbers(prefix + 16, 6)
        bench.source("a", {"w": w[None] if batched else w})
        made = bench.build(resize(size=[5, 6]))["w"]
        assert made.shape == ((1, prefix + 30, 6) if batched else (prefix + 30, 6))
        values = made.values.reshape(-1, 6)
        np.testing.assert_array_equal(values[:prefix], w[:prefix])
        grid = torch.tensor(w[prefix:]).reshape(1, 4, 4, 6).permute(0, 3, 1, 2)
        expected = torch.nn.functional.interpolate(grid, (5, 6), mode="bicubic", align_corners=False)
        np.testing.assert_array_equal(values[prefix:], expected.permute(0, 2, 3, 1).reshape(30, 6).numpy())

    @pytest.mark.parametrize(
        ("rows", "how"),
        [
            (18 - 4, {}),
            (12, {"from_size": [3, 3], "prefix_tokens": 0}),
            (12, {"from_size": [4, 4]}),
            (12, {"prefix_tokens": 13}),
            (3, {"prefix_tokens": 0}),
        ],
    )
    def test_a_grid_that_cannot_be_told_is_refused(
        self, bench: Workbench, rows: int, how: dict[str, Any]
    ) -> None:
        bench.source("a", {"w": numbers(rows, 4)})
        assert bench.codes(resize(size=5, **how)) == ["MC0370"]

    def test_a_grid_that_is_no_square(self, bench: Workbench) -> None:
        w = numbers(13, 4)
        bench.source("a", {"w": w})
        made = bench.build(resize(size=[3, 4], from_size=[4, 3]))["w"].values
        grid = torch.tensor(w[1:]).reshape(1, 4, 3, 4).permute(0, 3, 1, 2)
        expected = torch.nn.functional.interpolate(grid, (3, 4), mode="bicubic", align_corners=False)
        np.testing.assert_array_equal(made[1:], expected.permute(0, 2, 3, 1).reshape(12, 4).numpy())

    @pytest.mark.parametrize("shape", [(16,), (2, 16, 3), (1, 1, 16, 3)])
    def test_other_shapes_are_no_position_embeddings(self, bench: Workbench, shape: tuple[int, ...]) -> None:
        bench.source("a", {"w": numbers(*shape)})
        assert bench.codes(resize(size=5)) == ["MC0370"]


def test_integers_are_refused(bench: Workbench) -> None:
    bench.source("a", {"w": np.arange(16).reshape(1, 16)})
    assert bench.codes(resize(rows=2, pad="zeros")) == ["MC0370"]


@pytest.mark.parametrize("how", [{}, {"rows": 3, "size": 4}, {"rows": 3, "shape": [3, 3]}])
def test_exactly_one_new_size_is_given(bench: Workbench, how: dict[str, Any]) -> None:
    bench.source("a", {"w": numbers(5, 3)})
    assert bench.codes(resize(**how)) == ["MC0370"]


def test_a_pattern_that_matches_nothing_is_refused(bench: Workbench) -> None:
    bench.source("a", {"v": numbers(5, 3)})
    assert bench.codes(resize(rows=6, pad="zeros")) == ["MC0125"]


def build(folder: Path, recipe: str) -> Path:
    (folder / "recipe.yaml").write_text(recipe)
    mergec.load(folder / "recipe.yaml").build()
    return folder / "out"


class TestTransformers:
    def test_a_llama_with_padded_vocabulary(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
        config = LlamaConfig(vocab_size=50, num_attention_heads=2, num_key_value_heads=2, **sizes)
        model: Any = LlamaForCausalLM(config)
        model.save_pretrained(tmp_path / "base")
        out = build(
            tmp_path,
            "mergec: 1\nsources: {base: base}\nmodels:\n  grown:\n    op: resize\n    model: base\n"
            '    tensors: {"**(embed_tokens|lm_head).weight": {rows: 64, pad: mean}}\n'
            "output: {model: grown, path: out}\n",
        )
        grown: Any = LlamaForCausalLM.from_pretrained(out)
        assert grown.config.vocab_size == 64
        ids = torch.tensor([[1, 7, 33, 4]])
        with torch.no_grad():
            before, after = model(ids).logits, grown(ids).logits
        torch.testing.assert_close(after[..., :50], before)
        torch.testing.assert_close(after[..., 50], before.mean(-1), atol=1e-5, rtol=1e-5)

    def test_a_clip_tower_for_larger_images(self, tmp_path: Path) -> None:
        """transformers interpolates position embeddings itself where it is asked to."""
        torch.manual_seed(0)
        sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
        config = CLIPVisionConfig(image_size=32, patch_size=8, num_attention_heads=2, **sizes)
        model: Any = CLIPVisionModel(config)
        torch.nn.init.normal_(model.get_parameter(_position_name(model)))
        model.save_pretrained(tmp_path / "base")
        out = build(
            tmp_path,
            "mergec: 1\nsources: {base: base}\nmodels:\n  larger:\n    op: resize\n    model: base\n"
            '    tensors: {"**.position_embedding.weight": {size: 6}}\n'
            "output: {model: larger, path: out}\n",
        )
        assert json.loads((out / "config.json").read_text())["image_size"] == 48
        larger: Any = CLIPVisionModel.from_pretrained(out)
        image = torch.randn(1, 3, 48, 48)
        with torch.no_grad():
            expected = model(image, interpolate_pos_encoding=True).last_hidden_state
            found = larger(image).last_hidden_state
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def _position_name(model: torch.nn.Module) -> str:
    return next(name for name, _ in model.named_parameters() if "position_embedding" in name)
