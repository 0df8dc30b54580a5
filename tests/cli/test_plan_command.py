from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def squeezed(text: str) -> list[str]:
    """The lines, without the spaces that make columns."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_text(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("plan", recipe, "--workers", 2)
    assert (result.exit_code, result.stderr) == (0, "")
    text = result.stdout
    assert "module.{rest:**} -> {rest}  5 tensors" in text
    assert "merge  layers.0.w  1 tensor  0.8*base + 0.2*tuned" in text
    assert "merge  head.w      1 tensor  0.5*base + 0.5*tuned  float32 -> bfloat16" in text
    assert "copy   steps" in text
    assert "  merged: not averaged, must be equal: steps\n" in text
    assert "with 2 workers" in text
    assert "R0, equal bytes on any machine" in text
    assert text.endswith("\n\nPlan: 4 computed, 1 copied, 0 new.\n")


def test_layers_that_are_alike_are_one_row(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("[0.2, 0.8]", "0.4"))
    text = mergec_command("plan", recipe).stdout
    assert "merge  layers.{0-2}.w  3 tensors  0.6*base + 0.4*tuned" in text


def test_many_layers_with_their_own_coefficients_are_one_row_each(
    mergec_command: Callable[..., Result], tmp_path: Path
) -> None:
    names = [f"layers.{i}.{part}" for i in range(6) for part in ("q", "k", "v")]
    for source in "ab":
        save_file({name: np.ones(2, np.float32) for name in names}, tmp_path / f"{source}.safetensors")
    path = tmp_path / "r.yaml"
    path.write_text(
        "mergec: 1\nsources: {a: a.safetensors, b: b.safetensors}\n"
        "models: {m: {op: interpolate, from: a, to: b, t: [0.25, 0.75]}}\n"
        "output: {model: m, path: out}\n"
    )
    text = mergec_command("plan", path).stdout
    assert "merge  layers.0.{k, 2 more}  3 tensors  0.75*a + 0.25*b" in text
    assert "merge  layers.5.{k, 2 more}  3 tensors  0.25*a + 0.75*b" in text


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    text = mergec_command("plan", recipe, "--json", "--workers", 1, "--memory", "64MiB").stdout
    document = json.loads(text)
    assert text == mergec_command("plan", recipe, "--json", "--workers", 1, "--memory", "64MiB").stdout
    assert document["format_version"] == "1.0"
    source = document["sources"][1]
    assert source["name"] == "tuned"
    assert source["dtypes"] == {"float32": 4, "int64": 1}
    assert source["renames"] == [{"rule": "module.{rest:**} -> {rest}", "tensors": 5}]
    head = next(tensor for tensor in document["tensors"] if tensor["name"] == "head.w")
    assert head["shape"] == [8]
    assert head["dtype"] == "bfloat16"
    assert head["action"] == "merge"
    assert head["shard"] == "out.safetensors"
    assert head["reproducibility"] == "R0"
    assert head["coefficients"] == {
        "base": [{"tensor": "head.w", "weight": 0.5}],
        "tuned": [{"tensor": "head.w", "weight": 0.5}],
    }
    assert head["summands"] == [
        {
            "weight": 0.5,
            "computed": False,
            "permuted": False,
            "tensors": [{"source": name, "tensor": "head.w"}],
        }
        for name in ("base", "tuned")
    ]
    assert document["memory"]["workers"] == 1
    assert document["memory"]["peak"] <= document["memory"]["budget"] == 64 << 20
    assert document["remarks"] == [
        {"model": "merged", "what": "not averaged, must be equal", "tensors": ["steps"]}
    ]
    assert document["warnings"] == []


def test_one_tensor_that_is_asked_for(mergec_command: Callable[..., Result], recipe: Path) -> None:
    document = json.loads(mergec_command("plan", recipe, "--json", "--tensor", "layers.[1:].**").stdout)
    assert [tensor["name"] for tensor in document["tensors"]] == ["layers.1.w", "layers.2.w"]
    assert document["output"]["tensors"] == 5


@pytest.mark.parametrize("pattern", ["layer.**", "[", "{"])
def test_a_pattern_that_fits_nothing_is_a_usage_error(
    mergec_command: Callable[..., Result], recipe: Path, pattern: str
) -> None:
    assert mergec_command("plan", recipe, "--tensor", pattern).exit_code == 2


def test_copies_casts_and_new_tensors(mergec_command: Callable[..., Result], recipe: Path) -> None:
    text = recipe.read_text()
    recipe.write_text(
        text[: text.index("models:")] + "models:\n"
        "  fresh:\n"
        "    op: init\n"
        "    tensors: {new.w: {shape: [2], fill: zeros}, new.v: {shape: [2], fill: {normal: 0.5}}}\n"
        "  merged: {op: override, base: base, with: [fresh]}\n"
        "output: {model: merged, path: out, dtype: {'layers.0.w': float16, '**': float32}}\n"
    )
    lines = squeezed(mergec_command("plan", recipe).stdout)
    assert "new new.v 1 tensor normal(0.5) 8 B" in lines
    assert "new new.w 1 tensor zeros 8 B" in lines
    assert "cast layers.0.w 1 tensor base float32 -> float16 32 B" in lines
    assert "copy layers.{1-2}.w 2 tensors base 128 B" in lines
    assert lines[-1] == "Plan: 1 computed, 4 copied, 2 new."


def test_files_of_several_folders(mergec_command: Callable[..., Result], recipe: Path) -> None:
    for folder, names in (("files", ["config.json"]), ("words", ["config.json", "merges.txt", "vocab.json"])):
        (recipe.parent / folder).mkdir()
        for name in names:
            (recipe.parent / folder / name).write_text("{}")
    kept = recipe.read_text().partition("output:")[0]
    recipe.write_text(f"{kept}output: {{model: merged, path: out, copy_files_from: [files, words]}}\n")
    lines = squeezed(mergec_command("plan", recipe).stdout)
    at = lines.index("Output")
    files, words = recipe.parent / "files", recipe.parent / "words"
    assert lines[at + 2 : at + 4] == [f"config.json from {files}", f"merges.txt, vocab.json from {words}"]
    copied = json.loads(mergec_command("plan", recipe, "--json").stdout)["output"]["copied"]
    assert copied == [
        {"folder": str(files), "files": ["config.json"]},
        {"folder": str(words), "files": ["merges.txt", "vocab.json"]},
    ]
    alone = mergec_command("plan", recipe, "--json", "--out", recipe.parent / "out.safetensors").stdout
    assert json.loads(alone)["output"]["copied"] == []


def test_joined_parts_are_told_once(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    save_file({name: np.ones((2, 2), np.float32) for name in "qkv"}, tmp_path / "parts.safetensors")
    save_file({"qkv": np.ones((6, 2), np.float32)}, tmp_path / "whole.safetensors")
    path = tmp_path / "r.yaml"
    path.write_text(
        "mergec: 1\nsources:\n"
        "  parts: {path: parts.safetensors, rename: [{from: [q, k, v], to: qkv, concat: {dim: 0}}]}\n"
        "  whole: whole.safetensors\n"
        "models: {m: {op: linear, inputs: {parts: 0.25, whole: 0.75}}}\noutput: {model: m, path: out}\n"
    )
    tensor = json.loads(mergec_command("plan", path, "--json").stdout)["tensors"][0]
    assert tensor["expression"] == "0.25*parts + 0.75*whole"
    assert tensor["coefficients"]["parts"] == [{"tensor": "qkv", "weight": 0.25}]


class TestFolds:
    @pytest.fixture
    def fold(self, tmp_path: Path) -> Path:
        """A LoRA of one weight, and a bias that its adapter brings whole."""
        base = {"q.weight": np.ones((6, 4), np.float32), "q.bias": np.ones(6, np.float32)}
        save_file(base, tmp_path / "base.safetensors")
        factors = {
            "base_model.model.q.lora_A.weight": np.ones((2, 4), np.float32),
            "base_model.model.q.lora_B.weight": np.ones((6, 2), np.float32),
            "base_model.model.q.bias": np.zeros(6, np.float32),
        }
        (tmp_path / "style").mkdir()
        save_file(factors, tmp_path / "style/adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
        (tmp_path / "style/adapter_config.json").write_text(json.dumps(config))
        path = tmp_path / "r.yaml"
        path.write_text(
            "mergec: 1\nsources: {base: base.safetensors, style: style}\n"
            "models: {m: {op: lora, base: base, adapters: [style]}}\noutput: {model: m, path: out}\n"
        )
        return path

    def test_a_product_has_one_factor(self, mergec_command: Callable[..., Result], fold: Path) -> None:
        document = json.loads(mergec_command("plan", fold, "--json", "--tensor", "q.weight").stdout)
        (weight,) = document["tensors"]
        assert weight["expression"] == "base + 2*style"
        factors = [f"base_model.model.q.lora_{factor}.weight" for factor in "BA"]
        assert weight["summands"] == [
            {
                "weight": 1.0,
                "computed": False,
                "permuted": False,
                "tensors": [{"source": "base", "tensor": "q.weight"}],
            },
            {
                "weight": 2.0,
                "computed": True,
                "permuted": False,
                "tensors": [{"source": "style", "tensor": name} for name in factors],
            },
        ]
        assert weight["coefficients"] == {
            "base": [{"tensor": "q.weight", "weight": 1.0}],
            "style": [{"tensor": name, "weight": None} for name in factors],
        }

    def test_a_whole_tensor_of_an_adapter_is_copied(
        self, mergec_command: Callable[..., Result], fold: Path
    ) -> None:
        lines = squeezed(mergec_command("plan", fold).stdout)
        assert "copy q.bias 1 tensor style 24 B" in lines
        assert lines[-1] == "Plan: 1 computed, 1 copied, 0 new."
