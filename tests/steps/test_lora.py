"""Folds as a recipe asks for them: strengths, parts of a model, ties, dtypes, and what is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import mergec
from tests.conftest import bf16, round_to_bf16, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Workbench

    Array = np.ndarray[Any, Any]

RNG = np.random.default_rng(7)
PREFIX = "base_model.model."
CONFIG: dict[str, object] = {"peft_type": "LORA", "r": 2, "lora_alpha": 5}
SCALE = 2.5


def drawn(*shape: int) -> Array:
    made: Array = RNG.normal(size=shape).astype(np.float32)
    return made


def base() -> dict[str, Array]:
    layers = {f"model.layers.{i}.q_proj.weight": drawn(6, 4) for i in range(4)}
    return {"model.embed_tokens.weight": drawn(10, 4), **layers, "model.norm.weight": drawn(4)}


def factors(path: str, rows: int = 6, columns: int = 4, prefix: str = PREFIX) -> dict[str, Array]:
    a, b = drawn(2, columns), drawn(rows, 2)
    return {f"{prefix}{path}.lora_A.weight": a, f"{prefix}{path}.lora_B.weight": b}


def layers_adapter(count: int = 4) -> dict[str, Array]:
    made: dict[str, Array] = {}
    for i in range(count):
        made.update(factors(f"model.layers.{i}.q_proj"))
    return made


def change(adapter: Mapping[str, Array], path: str, prefix: str = PREFIX) -> Array:
    """B @ A, summed in float64 and rounded once."""
    a, b = (adapter[f"{prefix}{path}.lora_{factor}.weight"].astype(np.float64) for factor in "AB")
    made: Array = (b @ a).astype(np.float32)
    return made


def put(
    bench: Workbench, name: str, tensors: Mapping[str, Array], config: object = CONFIG, **keys: object
) -> None:
    """An adapter as a folder, as a source of the recipe."""
    folder = bench.folder / name
    write_checkpoint(folder / "adapter_model.safetensors", tensors)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    bench.sources[name] = {"path": name, **keys}


def fold(**adapters: object) -> dict[str, object]:
    return {"op": "lora", "base": "base", "adapters": adapters}


def remarks(bench: Workbench, model: object) -> dict[str, tuple[str, ...]]:
    return {r.what: r.names for r in bench.recipe(model).check().checked.remarks}


class TestStrengths:
    @pytest.fixture
    def tensors(self, bench: Workbench) -> tuple[dict[str, Array], dict[str, Array]]:
        weights, style = base(), layers_adapter()
        bench.source("base", weights)
        put(bench, "style", style)
        return weights, style

    @pytest.mark.parametrize(
        ("strength", "expected"),
        [
            (1, [1, 1, 1, 1]),
            (-0.25, [-0.25] * 4),
            ([0, 3], [0, 1, 2, 3]),
            ({"**.[1:3].**": 0.5, "**": 2}, [2, 0.5, 0.5, 2]),
            ({"strength": {"**.3.**": 0, "**": 1}, "dialect": "peft"}, [1, 1, 1, 0]),
        ],
    )
    def test_are_schedules_over_what_is_folded(
        self,
        bench: Workbench,
        tensors: tuple[dict[str, Array], dict[str, Array]],
        strength: object,
        expected: list[float],
    ) -> None:
        weights, style = tensors
        made = bench.build(fold(style=strength))
        for i, factor in enumerate(expected):
            name = f"model.layers.{i}.q_proj.weight"
            moved = change(style, f"model.layers.{i}.q_proj") * np.float32(SCALE * factor)
            np.testing.assert_array_equal(made[name].values, weights[name] + moved)
        for name in ("model.embed_tokens.weight", "model.norm.weight"):
            assert made[name].data == weights[name].tobytes()

    def test_of_zero_read_nothing(
        self, bench: Workbench, tensors: tuple[dict[str, Array], dict[str, Array]]
    ) -> None:
        plan = bench.recipe(fold(style=0)).plan()
        assert plan.bytes_read == sum(tensor.nbytes for tensor in tensors[0].values())
        assert all(region.is_copy for region in plan.regions)
        assert len(remarks(bench, fold(style=0))["strength 0, not folded from style"]) == 4

    @pytest.mark.usefixtures("tensors")
    def test_must_be_numbers(self, bench: Workbench) -> None:
        assert bench.codes(fold(style="rest")) == ["MC0112"]
        assert bench.codes(fold(style="strong")) == ["MC0126"]
        assert bench.codes(fold(style={"**.7.**": 1, "**": 2})) == ["MC0125"]

    def test_where_leaves_the_rest_alone(
        self, bench: Workbench, tensors: tuple[dict[str, Array], dict[str, Array]]
    ) -> None:
        model = {**fold(style=1), "where": ["**.0.**"]}
        made = bench.build(model)
        name = "model.layers.1.q_proj.weight"
        assert made[name].data == tensors[0][name].tobytes()
        told = remarks(bench, model)
        assert told["folded from style"] == ("model.layers.0.q_proj.weight",)
        assert len(told["outside `where`, not folded from style"]) == 3

    def test_of_several_adapters_add_up(
        self, bench: Workbench, tensors: tuple[dict[str, Array], dict[str, Array]]
    ) -> None:
        weights, style = tensors
        other = layers_adapter(2)
        put(bench, "other", other)
        made = bench.build(fold(style=0.5, other=-1))
        path = "model.layers.1.q_proj"
        expected: Array = weights[f"{path}.weight"] + change(style, path) * np.float32(0.5 * SCALE)
        expected = expected + change(other, path) * np.float32(-SCALE)
        np.testing.assert_array_equal(made[f"{path}.weight"].values, expected)


def test_a_bf16_base_is_computed_in_float32_and_rounded_once(bench: Workbench) -> None:
    weights, style = base(), layers_adapter()
    bench.source("base", {name: bf16(values) for name, values in weights.items()})
    put(bench, "style", style)
    made = bench.build(fold(style=0.7))
    for i in range(4):
        name = f"model.layers.{i}.q_proj.weight"
        moved = change(style, f"model.layers.{i}.q_proj") * np.float32(SCALE * 0.7)
        expected = round_to_bf16(round_to_bf16(weights[name]) + moved)
        assert made[name].code == "BF16"
        np.testing.assert_array_equal(made[name].values, expected)


def test_an_adapter_in_half_precision_on_a_base_in_double(bench: Workbench) -> None:
    weights = {name: values.astype(np.float64) for name, values in base().items()}
    style = {name: values.astype(np.float16) for name, values in layers_adapter().items()}
    bench.source("base", weights)
    put(bench, "style", style)
    made = bench.build(fold(style=1))
    path = "model.layers.2.q_proj"
    moved = change(style, path).astype(np.float64) * SCALE
    np.testing.assert_allclose(made[f"{path}.weight"].values, weights[f"{path}.weight"] + moved, rtol=1e-6)
    assert made[f"{path}.weight"].code == "F64"


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name.removeprefix(PREFIX),
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.module.{name}",
        lambda name: name.replace(PREFIX, f"{PREFIX}_fsdp_wrapped_module."),
        lambda name: name.replace(".layers.", ".layers._fsdp_wrapped_module."),
        lambda name: name.replace(".q_proj.", ".q_proj._checkpoint_wrapped_module."),
        lambda name: name.replace(".weight", ".default.weight"),
        lambda name: name.replace(".weight", ".lora.weight"),
        lambda name: name.replace(".weight", ".lora_A.weight"),
    ],
)
def test_wrappers_and_adapter_names_in_keys_are_removed(bench: Workbench, rename: Any) -> None:
    weights, style = base(), layers_adapter()
    bench.source("base", weights)
    put(bench, "style", {rename(name): values for name, values in style.items()})
    made = bench.build(fold(style=1))
    path = "model.layers.3.q_proj"
    expected = weights[f"{path}.weight"] + change(style, path) * np.float32(SCALE)
    np.testing.assert_array_equal(made[f"{path}.weight"].values, expected)


class TestTies:
    CONFIG_TEXT = json.dumps({"model_type": "llama", "tie_word_embeddings": True, "vocab_size": 10})

    def output_config(self, bench: Workbench) -> dict[str, object]:
        values: dict[str, object] = json.loads((bench.out / "config.json").read_text())
        return values

    @pytest.mark.parametrize("config", [CONFIG_TEXT, json.dumps({"model_type": "gpt2"})])
    def test_a_head_that_is_not_in_the_file_is_made_of_the_embeddings(
        self, bench: Workbench, config: str
    ) -> None:
        weights, style = base(), factors("lm_head", 10, 4)
        bench.folder_source("base", weights, config__json=config)
        put(bench, "style", style)
        made = bench.build(fold(style=1))
        embeddings = weights["model.embed_tokens.weight"]
        np.testing.assert_array_equal(made["model.embed_tokens.weight"].values, embeddings)
        expected = embeddings + change(style, "lm_head") * np.float32(SCALE)
        np.testing.assert_array_equal(made["lm_head.weight"].values, expected)
        assert self.output_config(bench)["tie_word_embeddings"] is False

    def test_is_no_tie_where_the_config_says_so(self, bench: Workbench) -> None:
        bench.folder_source("base", base(), config__json='{"tie_word_embeddings": false}')
        put(bench, "style", factors("lm_head", 10, 4))
        assert bench.codes(fold(style=1)) == ["MC0333"]

    def test_words_trained_alone_keep_the_tie(self, bench: Workbench) -> None:
        weights, rows = base(), drawn(2, 4)
        bench.folder_source("base", weights, config__json=self.CONFIG_TEXT)
        name = f"{PREFIX}model.embed_tokens.token_adapter.trainable_tokens_delta"
        put(bench, "style", {name: rows, **layers_adapter()}, {**CONFIG, "trainable_token_indices": [9, 0]})
        recipe = bench.recipe(fold(style=1))
        assert recipe.check().checked.config == ()
        made = bench.build(fold(style=1))["model.embed_tokens.weight"].values
        np.testing.assert_array_equal(made[[9, 0]], rows)
        np.testing.assert_array_equal(made[1:9], weights["model.embed_tokens.weight"][1:9])
        assert self.output_config(bench)["tie_word_embeddings"] is True

    def test_a_larger_vocabulary_is_told_to_the_config(self, bench: Workbench) -> None:
        weights, larger = base(), drawn(12, 4)
        bench.folder_source("base", weights, config__json=self.CONFIG_TEXT)
        words = {f"{PREFIX}model.embed_tokens.base_layer.weight": larger}
        a, b = drawn(2, 12), drawn(4, 2)
        words |= {
            f"{PREFIX}model.embed_tokens.lora_embedding_A": a,
            f"{PREFIX}model.embed_tokens.lora_embedding_B": b,
        }
        put(bench, "style", words)
        made = bench.build(fold(style=1))["model.embed_tokens.weight"].values
        moved = (b.astype(np.float64) @ a.astype(np.float64)).astype(np.float32).T
        np.testing.assert_array_equal(made, larger + moved * np.float32(SCALE))
        assert self.output_config(bench)["vocab_size"] == 12


class TestSources:
    def test_a_folder_with_other_weights_beside_the_adapter(self, bench: Workbench) -> None:
        weights, style = base(), layers_adapter()
        bench.source("base", weights)
        put(bench, "style", style)
        folder = bench.folder / "style"
        write_checkpoint(folder / "model-00001-of-00002.safetensors", weights)
        write_checkpoint(folder / "model-00002-of-00002.safetensors", weights)
        for name in ("non_lora_trainables.bin", "optimizer.pt", "training_args.bin", "adapter_model.bin"):
            (folder / name).write_bytes(b"not read")
        (folder / "config.json").write_text('{"model_type": "llava"}')
        (folder / "README.md").write_text("about the adapter")
        made = bench.build(fold(style=1), copy_files_from="style")
        assert len(made) == len(weights)
        assert {path.name for path in bench.out.iterdir()} >= {"config.json", "model.safetensors"}
        assert "adapter_config.json" not in {path.name for path in bench.out.iterdir()}
        assert "about the adapter" not in (bench.out / "README.md").read_text()

    def test_an_adapter_of_an_adapter_source_renamed(self, bench: Workbench) -> None:
        weights = {name.replace("model.", "model.language_model."): v for name, v in base().items()}
        bench.source("base", weights)
        style = layers_adapter()
        rule = "base_model.model.model.{rest:**} -> base_model.model.model.language_model.{rest}"
        put(bench, "style", style, rename=[rule])
        made = bench.build(fold(style=1))
        path = "model.language_model.layers.0.q_proj.weight"
        expected = weights[path] + change(style, "model.layers.0.q_proj") * np.float32(SCALE)
        np.testing.assert_array_equal(made[path].values, expected)

    def test_a_pickled_adapter(self, bench: Workbench) -> None:
        weights, style = base(), layers_adapter()
        bench.source("base", weights)
        put(bench, "style", style)
        folder = bench.folder / "style"
        (folder / "adapter_model.safetensors").unlink()
        tensors = {name: torch.from_numpy(values) for name, values in style.items()}
        torch.save(tensors, folder / "adapter_model.bin")
        made = bench.build(fold(style=1))
        path = "model.layers.0.q_proj"
        expected = weights[f"{path}.weight"] + change(style, path) * np.float32(SCALE)
        np.testing.assert_array_equal(made[f"{path}.weight"].values, expected)

    @pytest.mark.parametrize("value", [1, {"dialect": "peft"}])
    def test_an_empty_adapter(self, bench: Workbench, value: object) -> None:
        bench.source("base", base())
        put(bench, "style", {})
        assert bench.codes(fold(style=value)) == ["MC0330"]

    def test_an_adapter_that_was_cut_to_nothing(self, bench: Workbench) -> None:
        weights = base()
        bench.source("base", weights)
        shapes = {"lora_A": (0, 4), "lora_B": (6, 0), "lora_E": (0, 1)}
        path = f"{PREFIX}model.layers.0.q_proj"
        tensors = {f"{path}.{role}": np.zeros(shape, np.float32) for role, shape in shapes.items()}
        put(bench, "style", tensors, {"peft_type": "ADALORA", "init_r": 4, "lora_alpha": 4})
        model = fold(style=1)
        assert all(len(names) == 3 for names in remarks(bench, model).values())
        made = bench.build(model)
        assert {name: tensor.data for name, tensor in made.items()} == {
            name: values.tobytes() for name, values in weights.items()
        }

    def test_an_adapter_may_be_written_as_an_adapter(self, bench: Workbench) -> None:
        put(bench, "style", layers_adapter())
        made = bench.build({"op": "cast", "model": "style", "dtype": "float16"})
        assert {tensor.code for tensor in made.values()} == {"F16"}

    def test_not_finite_factors_stop_the_build(self, bench: Workbench) -> None:
        style = layers_adapter()
        style[f"{PREFIX}model.layers.1.q_proj.lora_A.weight"][1, 2] = np.nan
        bench.source("base", base())
        put(bench, "style", style)
        assert bench.codes(fold(style=1)) == ["MC0702"]

    def test_residual_base(self, bench: Workbench) -> None:
        bench.source("base", base())
        put(bench, "style", layers_adapter(), {**CONFIG, "init_lora_weights": "pissa"})
        assert bench.codes(fold(style=1)) == ["MC0339"]
        made = bench.build(fold(style={"strength": 1, "residual_base": True}))
        assert len(made) == len(base())


def test_strength_moves_any_fold_from_the_base_to_what_it_makes(bench: Workbench) -> None:
    weights = base() | {"head.weight": drawn(3, 4)}
    bench.source("base", weights)
    scales, head = drawn(6, 1), drawn(3, 4)
    name = "model.layers.0.q_proj"
    put(
        bench,
        "style",
        {f"{PREFIX}{name}.ia3_l": scales, f"{PREFIX}head.weight": head},
        {"peft_type": "IA3", "feedforward_modules": [], "modules_to_save": ["head"]},
    )
    made = bench.build(fold(style=0.25))
    before = weights[f"{name}.weight"]
    expected = before + (before * scales - before) * np.float32(0.25)
    np.testing.assert_array_equal(made[f"{name}.weight"].values, expected)
    expected = weights["head.weight"] + (head - weights["head.weight"]) * np.float32(0.25)
    np.testing.assert_array_equal(made["head.weight"].values, expected)


def test_an_adapter_is_named_once(bench: Workbench) -> None:
    bench.source("base", base())
    put(bench, "style", layers_adapter())
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe({"op": "lora", "base": "base", "adapters": ["style", "style"]}).check()
    (error,) = caught.value.errors
    assert "`adapters` names `style` twice" in error.message
    assert "`adapters: {style: 2}`" in (error.help or "")
