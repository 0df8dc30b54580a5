"""Recipes that are imported give the values that mergekit's own definitions demand."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.diagnostics import MergecError
from mergec.importing.mergekit_methods import METHODS
from mergec.methods.registry import find_method
from tests.conftest import round_to_bf16, write_checkpoint
from tests.importing.conftest import HIDDEN, ImportBench, Values, llama

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYERS = 4
MODELS = {name: llama(seed, LAYERS) for seed, name in enumerate(("a", "b", "c"))}


@pytest.fixture
def bench(bench: ImportBench) -> ImportBench:
    for name, tensors in MODELS.items():
        bench.model(name, tensors, json.dumps({"num_hidden_layers": LAYERS, "model_type": "llama"}))
    return bench


def layer_of(name: str) -> int | None:
    return int(name.split(".")[2]) if name.startswith("model.layers.") else None


def gradient(values: list[float], layer: int | None, count: int = LAYERS) -> float:
    """Linear between even anchors over t = layer / (count - 1); t is 0 outside of the layers."""
    t = 0.0 if layer is None else layer / (count - 1)
    return float(np.interp(t, np.linspace(0, 1, len(values)), values))


def mixed(weights: Mapping[str, Mapping[str, float]], *, normalize: bool = True) -> Values:
    """The weighted sum of models, tensor by tensor."""
    result: Values = {}
    for name in MODELS["a"]:
        total = sum(given[name] for given in weights.values()) if normalize else 1.0
        terms = [given[name] / total * np.float64(MODELS[model][name]) for model, given in weights.items()]
        result[name] = np.sum(terms, axis=0)
    return result


def everywhere(weight: float) -> dict[str, float]:
    return dict.fromkeys(MODELS["a"], weight)


def assert_close(found: Values, wanted: Values) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-6, atol=2e-6, err_msg=name)


def moved(tensors: Values, at: int) -> Values:
    """The tensors of a layer, by what follows its number."""
    start = f"model.layers.{at}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def stacked(layers: list[Values], before: Values, behind: Values) -> Values:
    """A model of these layers, with embeddings of one model and what follows the layers of another."""
    result: Values = {"model.embed_tokens.weight": before["model.embed_tokens.weight"]}
    for number, layer in enumerate(layers):
        result.update({f"model.layers.{number}.{name}": value for name, value in layer.items()})
    names = ("model.norm.weight", "lm_head.weight")
    return {**result, **{name: behind[name] for name in names}}


class TestLinear:
    def test_weights_are_normalised_unless_told_otherwise(self, bench: ImportBench) -> None:
        text = """
models:
  - {model: a, parameters: {weight: 1.0}}
  - {model: b, parameters: {weight: 3}}
merge_method: linear
"""
        assert_close(bench.built(text), mixed({"a": everywhere(1), "b": everywhere(3)}))
        text += "parameters: {normalize: false}\n"
        found = bench.built(text)
        assert_close(found, mixed({"a": everywhere(1), "b": everywhere(3)}, normalize=False))

    def test_gradients_give_their_first_value_outside_of_the_layers(self, bench: ImportBench) -> None:
        text = """
models:
  - model: a
    parameters: {weight: [0.9, 0.1, 0.5]}
  - model: b
    parameters:
      weight:
        - {filter: mlp, value: [0.0, 1.0]}
        - {filter: norm, value: [0.25, 0.75]}
        - {filter: embed_tokens, value: [0.4, 0.6]}
        - value: 0.3
merge_method: linear
dtype: float32
"""

        def of_b(name: str) -> float:
            layer = layer_of(name)
            if "mlp" in name:
                return gradient([0.0, 1.0], layer)
            if "norm" in name:
                return gradient([0.25, 0.75], layer)
            return 0.4 if "embed_tokens" in name else 0.3

        of_a = {name: gradient([0.9, 0.1, 0.5], layer_of(name)) for name in MODELS["a"]}
        wanted = mixed({"a": of_a, "b": {name: of_b(name) for name in MODELS["a"]}})
        assert_close(bench.built(text), wanted)
        bench.is_at_hand = False
        assert_close(bench.built(text), wanted)

    def test_the_nearest_place_wins_and_what_it_leaves_open_falls_to_the_next(
        self, bench: ImportBench
    ) -> None:
        text = """
slices:
  - sources:
      - model: a
        layer_range: [0, 4]
        parameters: {weight: [{filter: q_proj, value: 5}]}
      - {model: b, layer_range: [0, 4]}
    parameters:
      weight: [{filter: k_proj, value: 3}, {filter: q_proj, value: 4}]
merge_method: linear
parameters: {weight: 1}
"""

        def weight(model: str, name: str) -> float:
            if "q_proj" in name:
                return 5 if model == "a" else 4
            return 3 if "k_proj" in name else 1

        weights = {model: {name: weight(model, name) for name in MODELS["a"]} for model in "ab"}
        assert_close(bench.built(text), mixed(weights))

    def test_a_model_of_all_layers_is_not_cut(self, bench: ImportBench) -> None:
        text = """
slices:
  - sources:
      - {model: a, layer_range: [0, 4], parameters: {weight: 1}}
      - {model: b, layer_range: [0, 4], parameters: {weight: 1}}
merge_method: linear
"""
        assert "layers" not in bench.imported(text)
        bench.is_at_hand = False
        assert "op: layers" in bench.imported(text)
        assert_close(bench.built(text), mixed({"a": everywhere(1), "b": everywhere(1)}))


class TestSlices:
    def test_layers_are_stacked_with_the_head_of_the_last_slice(self, bench: ImportBench) -> None:
        text = """
slices:
  - sources: [{model: a, layer_range: [0, 3]}]
  - sources: [{model: b, layer_range: [1, 4]}]
merge_method: passthrough
"""
        a, b = MODELS["a"], MODELS["b"]
        layers = [moved(a, 0), moved(a, 1), moved(a, 2), moved(b, 1), moved(b, 2), moved(b, 3)]
        assert "take: [lm_head.weight, model.norm.weight]" in bench.imported(text)
        assert_close(bench.built(text), stacked(layers, a, b))
        bench.is_at_hand = False
        assert_close(bench.built(text), stacked(layers, a, b))
        config = json.loads((bench.folder / "out" / "config.json").read_text())
        assert config["num_hidden_layers"] == 6

    def test_one_model_may_be_stacked_on_itself(self, bench: ImportBench) -> None:
        text = """
slices:
  - sources: [{model: a, layer_range: [0, 3]}]
  - sources: [{model: a, layer_range: [1, 4]}]
merge_method: passthrough
"""
        a = MODELS["a"]
        layers = [moved(a, at) for at in (0, 1, 2, 1, 2, 3)]
        assert_close(bench.built(text), stacked(layers, a, a))
        assert "graft" not in bench.imported(text)

    def test_each_slice_has_its_own_parameters(self, bench: ImportBench) -> None:
        text = """
slices:
  - sources:
      - {model: a, layer_range: [0, 2], parameters: {weight: 1}}
      - {model: b, layer_range: [0, 2], parameters: {weight: [0, 2]}}
  - sources:
      - {model: a, layer_range: [2, 4], parameters: {weight: 3}}
      - {model: c, layer_range: [1, 3], parameters: {weight: 1}}
merge_method: linear
"""
        a, b, c = (MODELS[name] for name in "abc")

        def sum_of(first: Values, second: Values, w: float, v: float) -> Values:
            return {
                name: (w * first[name].astype(np.float64) + v * second[name].astype(np.float64)) / (w + v)
                for name in first
            }

        layers = [
            sum_of(moved(a, 0), moved(b, 0), 1, 0),
            sum_of(moved(a, 1), moved(b, 1), 1, 2),
            sum_of(moved(a, 2), moved(c, 1), 3, 1),
            sum_of(moved(a, 3), moved(c, 2), 3, 1),
        ]
        assert_close(bench.built(text), stacked(layers, sum_of(a, b, 1, 0), sum_of(a, c, 3, 1)))

    def test_a_gradient_runs_over_its_slice(self, bench: ImportBench) -> None:
        text = """
slices:
  - sources:
      - {model: a, layer_range: [1, 4], parameters: {weight: [0, 4]}}
      - {model: b, layer_range: [1, 4], parameters: {weight: 1}}
  - sources: [{model: a, layer_range: [0, 1], parameters: {weight: [7, 9]}}]
merge_method: linear
"""
        weights = {"a": everywhere(0), "b": everywhere(1)}
        for name in MODELS["a"]:
            layer = layer_of(name)
            weights["a"][name] = gradient([0, 4], None if layer is None else layer - 1, 3)
        wanted = mixed(weights)
        layers = [*(moved(wanted, at) for at in (1, 2, 3)), moved(MODELS["a"], 0)]
        assert_close(bench.built(text), stacked(layers, wanted, MODELS["a"]))

    def test_tensors_can_be_scaled(self, bench: ImportBench) -> None:
        text = """
slices:
  - sources: [{model: a, layer_range: [0, 4]}]
  - sources:
      - model: a
        layer_range: [3, 4]
        parameters:
          scale:
            - {filter: o_proj, value: 0.0}
            - {filter: down_proj, value: 0.0}
            - {value: 1.0}
merge_method: passthrough
"""
        a = MODELS["a"]
        added = {
            name: value * (0.0 if "o_proj" in name or "down_proj" in name else 1.0)
            for name, value in moved(a, 3).items()
        }
        assert_close(bench.built(text), stacked([*(moved(a, at) for at in range(4)), added], a, a))

    def test_layers_of_another_name_are_found_or_told(self, bench: ImportBench) -> None:
        other = {
            name.replace("model.layers", "h").replace("model.norm", "ln_f"): value
            for name, value in MODELS["a"].items()
        }
        bench.model("gpt", other)
        text = """
slices:
  - sources: [{model: gpt, layer_range: [0, 2]}]
  - sources: [{model: gpt, layer_range: [1, 4]}]
merge_method: passthrough
"""
        assert '"h.[0:2]"' in bench.imported(text)
        bench.is_at_hand = False
        assert "`model.layers` is a guess" in bench.imported(text)
        assert '"h.[0:2]"' in bench.imported(text, all="h")
        assert sum(name.endswith("q_proj.weight") for name in bench.built(text, all="h")) == 5
        mixed_up = text.replace("gpt", "c/../gpt", 1)
        found = bench.built(mixed_up, all="h")
        assert np.array_equal(found["ln_f.weight"], other["ln_f.weight"])


class TestDocuments:
    TEXT = """
name: first
models:
  - {model: a, parameters: {weight: 1}}
  - {model: b, parameters: {weight: 1}}
merge_method: linear
%s
---
models:
  - {model: first, parameters: {weight: 1}}
  - {model: c, parameters: {weight: 2}}
merge_method: linear
out_dtype: float32
"""

    def test_a_document_may_use_another(self, bench: ImportBench) -> None:
        weights = {"a": everywhere(0.5), "b": everywhere(0.5), "c": everywhere(2)}
        assert_close(bench.built(self.TEXT % ""), mixed(weights))

    def test_what_mergekit_writes_to_disk_is_rounded(self, bench: ImportBench) -> None:
        first = mixed({"a": everywhere(1), "b": everywhere(1)})
        wanted = {
            name: (round_to_bf16(value) + 2 * np.float64(MODELS["c"][name])) / 3
            for name, value in first.items()
        }
        assert_close(bench.built(self.TEXT % "dtype: bfloat16"), wanted)

    def test_documents_may_come_in_any_order(self, bench: ImportBench) -> None:
        first, second = (self.TEXT % "").split("---\n")
        recipe = bench.imported(f"{second}---\n{first}")
        assert recipe == bench.imported(self.TEXT % "")
        names = [line.strip() for line in recipe.splitlines() if line.startswith("  ") and line.endswith(":")]
        assert names.index("first:") < names.index("merged:")

    def test_without_a_nameless_one_the_last_is_the_result(self, bench: ImportBench) -> None:
        text = (self.TEXT % "").replace("out_dtype", "name: second\nout_dtype")
        weights = {"a": everywhere(0.5), "b": everywhere(0.5), "c": everywhere(2)}
        assert_close(bench.built(text), mixed(weights))


def test_a_stack_is_not_taken_for_one_of_its_models(bench: ImportBench) -> None:
    text = """
name: deep
slices:
  - sources: [{model: a, layer_range: [0, 4]}]
  - sources: [{model: a, layer_range: [2, 4]}]
merge_method: passthrough
---
slices:
  - sources:
      - {model: deep, layer_range: [0, 4], parameters: {weight: 1}}
      - {model: b, layer_range: [0, 4], parameters: {weight: 1}}
merge_method: linear
"""
    assert_close(bench.built(text), mixed({"a": everywhere(1), "b": everywhere(1)}))


def test_an_adapter_is_folded_once(bench: ImportBench) -> None:
    random = np.random.default_rng(9)
    down = random.standard_normal((2, HIDDEN)).astype(np.float32)
    up = random.standard_normal((HIDDEN, 2)).astype(np.float32)
    module = "base_model.model.model.layers.1.self_attn.q_proj"
    factors = {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    write_checkpoint(bench.folder / "style" / "adapter_model.safetensors", factors)
    (bench.folder / "style" / "adapter_config.json").write_text(
        '{"peft_type": "LORA", "r": 2, "lora_alpha": 4}'
    )
    text = """
models:
  - {model: a+style, parameters: {weight: 1}}
  - {model: {model: {path: b}, lora: {path: style}}, parameters: {weight: 1}}
merge_method: linear
base_model: a+style
"""
    recipe = bench.imported(text)
    assert recipe.count("op: lora") == 2
    assert "copy_files_from: a\n" in recipe
    wanted = mixed({"a": everywhere(1), "b": everywhere(1)})
    wanted["model.layers.1.self_attn.q_proj.weight"] += 2.0 * up.astype(np.float64) @ down.astype(np.float64)
    assert_close(bench.built(text), wanted)


def test_modules_are_merged_apart(bench: ImportBench) -> None:
    for name in "ab":
        tensors = {f"language_model.{one}": value for one, value in MODELS[name].items()}
        tower = {
            one.replace("model", "vision_tower", 1): value
            for one, value in MODELS[name].items()
            if "layers" in one
        }
        bench.model(f"vlm_{name}", {**tensors, **tower})
    text = """
modules:
  text_decoder:
    slices:
      - sources: [{model: vlm_a, layer_range: [0, 4]}]
      - sources: [{model: vlm_a, layer_range: [2, 4]}]
  vision_tower:
    models: [{model: vlm_b}]
merge_method: passthrough
"""
    found = bench.built(text)
    a, b = MODELS["a"], MODELS["b"]
    text_part = {
        n.removeprefix("language_model."): v for n, v in found.items() if n.startswith("language_model")
    }
    assert_close(text_part, stacked([moved(a, at) for at in (0, 1, 2, 3, 2, 3)], a, a))
    tower = {
        n.replace("vision_tower", "model", 1): v for n, v in found.items() if n.startswith("vision_tower")
    }
    assert_close(tower, {name: value for name, value in b.items() if "layers" in name})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_at_hand", [True, False])
def test_every_method_gives_a_recipe_that_is_sound(
    bench: ImportBench, method: str, *, is_at_hand: bool
) -> None:
    known, bench.is_at_hand = METHODS[method], is_at_hand
    numbers = {name: 0.5 if default is None else default for name, default in known.whole.items()}
    models = [
        {"model": name, "parameters": {one: [0.4, 0.6] for one in known.each if one in {"weight", "density"}}}
        for name in "bc"
    ]
    if known.base.value == "needed" and method in {"slerp", "nearswap", "arcee_fusion"}:
        models = models[:1]
    base = {} if known.base.value == "ignored" else {"base_model": "a"}
    document = {"models": models, "merge_method": method, "parameters": numbers, "dtype": "bfloat16", **base}
    found = bench.built(json.dumps(document))
    assert bench.told == []
    assert found.keys() == MODELS["a"].keys()
    assert all(np.isfinite(values).all() for values in found.values())
    operation = find_method(method)
    assert operation is not None
    if operation.method.has_key("compat"):
        assert "compat: mergekit-0.1" in (bench.folder / "recipe.yaml").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_of_mergekit_has_a_key(bench: ImportBench, method: str) -> None:
    known = METHODS[method]
    parameters = {
        name: 0.5 if default is None else default for name, default in {**known.whole, **known.each}.items()
    }
    models = [{"model": name, "parameters": parameters} for name in "bc"]
    if method in {"slerp", "nearswap", "arcee_fusion"}:
        models = models[:1]
    base = {} if known.base.value == "ignored" else {"base_model": "a"}
    bench.imported(json.dumps({"models": models, "merge_method": method, "parameters": parameters, **base}))
    assert not [one for one in bench.told if "no such key" in one]


def test_models_stand_after_what_they_use(bench: ImportBench) -> None:
    text = """
slices:
  - sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [1, 3]}]
  - sources: [{model: c, layer_range: [0, 4]}]
merge_method: linear
parameters: {weight: 1}
"""
    recipe = bench.loaded(text)
    assert recipe.check() is not None
    lines = (bench.folder / "recipe.yaml").read_text().splitlines()
    models = lines[lines.index("models:") :]
    order = ["  a_0_2:", "  b_1_3:", "  merged_slice_1:", "  merged_slice_2:", "  merged_stack:", "  merged:"]
    places = [next(at for at, line in enumerate(models) if line.startswith(one)) for one in order]
    assert all(first < second for first, second in pairwise(places))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "expected a mapping"),
        ("merge_method: linear", "it has none of them"),
        ("models: [{model: a}]", "no `merge_method`"),
        ("{models: [a], slices: [b], merge_method: x}", "it has `models` and `slices`"),
        ("{models: [], merge_method: linear}", "a list with entries"),
        ("{models: [{}], merge_method: linear}", "no `model`"),
        ("{models: [{model: a}], merge_method: linear}", "needs the parameter `weight`"),
        ("{models: [a, b], merge_method: passthrough}", "takes one model, found 2"),
        ("{models: [a, a], merge_method: linear}", "stands twice"),
        ("{models: [a, b, c], base_model: a, merge_method: slerp}", "`slerp` does not merge 3 models"),
        ("{models: [a, b, c], base_model: a, merge_method: nearswap}", "`nearswap` does not merge 3 models"),
        ("{models: [a], base_model: a, merge_method: arcee_fusion}", "does not merge 1 models"),
        ("{models: [a, b], base_model: a, merge_method: model_stock}", "does not merge 2 models"),
        ("{models: [a, b], merge_method: della}", "`della` needs `base_model`"),
        ("{models: [+x], merge_method: linear}", "names no model"),
        (
            "{slices: [{sources: [{model: a}]}, {sources: [b]}], merge_method: passthrough}",
            "no `layer_range`",
        ),
        ("{slices: [{}], merge_method: passthrough}", "no `sources`"),
        (
            (
                "{merge_method: linear, "
                "slices: [{sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [0, 3]}]}]}"
            ),
            "2 layers and 3 layers",
        ),
        (
            "{slices: [{sources: [{model: a, layer_range: [3, 2]}]}], merge_method: x}",
            "no layers from 3 to 2",
        ),
        ("{slices: [{sources: [{model: a, layer_range: [0]}]}], merge_method: x}", "two numbers"),
        ("{slices: [{sources: [{model: a, layer_range: [0, x]}]}], merge_method: x}", "a whole number"),
        ("{modules: {m: {}}, merge_method: x}", "either `models` or `slices`"),
        ("{modules: [], merge_method: x}", "names to modules"),
        (
            "{models: [{model: a, parameters: {weight: x}}], merge_method: linear}",
            "expected a number, found `x`",
        ),
        ("{models: [{model: a, parameters: {weight: []}}], merge_method: linear}", "a list with entries"),
        (
            "{models: [{model: a, parameters: {weight: [{filter: b}]}}], merge_method: linear}",
            "has no `value`",
        ),
        ("{models: [{model: a, parameters: []}], merge_method: linear}", "`parameters`: expected a mapping"),
        ("{models: [{model: a, parameters: {weight: .inf}}], merge_method: linear}", "a finite number"),
        ("{models: [{model: {}}], merge_method: linear}", "a model has no `model`"),
        ("{models: [{model: {model: {}}}], merge_method: linear}", "a model has no `path`"),
        ("{name: x, models: [x], merge_method: passthrough}", "the merge `x` uses itself"),
        (
            "{models: [a], merge_method: passthrough}\n---\n{models: [a], merge_method: passthrough}",
            "a second document",
        ),
        (
            "---\n".join(["{name: x, models: [a], merge_method: passthrough}\n"] * 2),
            "two documents are named `x`",
        ),
        ("", "the file is empty"),
        ("{mergec: 1, sources: {a: a}}", "it is a recipe of mergec already"),
    ],
)
def test_what_is_no_configuration_is_refused(bench: ImportBench, text: str, problem: str) -> None:
    with pytest.raises(MergecError) as caught:
        bench.imported(text)
    assert [one.code for one in caught.value.errors] == ["MC0840"] * len(caught.value.errors)
    assert problem in caught.value.errors[0].message


def test_an_unknown_method_is_refused(bench: ImportBench) -> None:
    with pytest.raises(MergecError) as caught:
        bench.imported("{models: [a], merge_method: liner}")
    assert [(one.code, one.help) for one in caught.value.errors] == [("MC0841", "did you mean `linear`?")]


def test_all_mistakes_are_told_at_once(bench: ImportBench) -> None:
    with pytest.raises(MergecError) as caught:
        bench.imported("{models: [{}, a, {model: []}], merge_method: linear}")
    assert len(caught.value.errors) == 2
