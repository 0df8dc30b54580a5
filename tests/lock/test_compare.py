from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.lock import current_state, tensor_keys
from mergec.lock.compare import compare
from mergec.lock.lock_model import FoundPermutations, LockedDecision, LockedOutput
from tests.conftest import write_checkpoint
from tests.lock.locking import state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mergec.lock.lock_model import LockModel
    from tests.conftest import Workbench


OTHER_WEIGHTS = "source `b`: model.safetensors has other weights under the same header"


@pytest.fixture
def recipe(bench: Workbench) -> Path:
    for name in "ab":
        tensors = {f"layers.{n}.w": np.ones((4, 4), np.float32) for n in range(2)}
        bench.folder_source(name, tensors, config__json="{}", tokenizer__json=f'"{name}"')
    bench.recipe({"op": "interpolate", "from": "a", "to": "b", "t": 0.25}, dtype={"layers.1.**": "float16"})
    return bench.folder / "recipe.yaml"


def changed(recipe: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(recipe.read_text())
    edit(document)
    recipe.write_text(json.dumps(document))


def told(recipe: Path, before: LockModel) -> list[str]:
    return [one.what for one in compare(before, state_of(recipe))]


def test_nothing(recipe: Path) -> None:
    assert told(recipe, state_of(recipe)) == []


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda r: r["models"]["merged"].update(t=0.3), ["recipe: models.merged.t: `0.25` -> `0.3`"]),
        (
            lambda r: r["models"]["merged"].update({"from": "b", "to": "a"}),
            ["recipe: models.merged.from: `a` -> `b`", "recipe: models.merged.to: `b` -> `a`"],
        ),
        (
            lambda r: r["models"]["merged"].update(t={"layers.0.**": 0.5, "**": 0.25}),
            ["recipe: models.merged.t: `0.25` -> a mapping"],
        ),
        (lambda r: r["output"].pop("dtype"), ["recipe: output.dtype is gone"]),
        (
            lambda r: r["output"].update(max_shard_size=10**6),
            ["recipe: output.max_shard_size: `1000000` is new"],
        ),
        (
            lambda r: r["sources"]["b"].update(keep=["layers.**"] * 9),
            [f"recipe: sources.b.keep: `[{'layers.**, ' * 5}lay...` is new"],
        ),
    ],
)
def test_what_the_recipe_says(
    recipe: Path, edit: Callable[[dict[str, Any]], object], expected: list[str]
) -> None:
    before = state_of(recipe)
    changed(recipe, edit)
    assert told(recipe, before)[: len(expected)] == expected


def test_an_order_that_matters(recipe: Path) -> None:
    def write(first: str, second: str) -> None:
        changed(recipe, lambda r: r["output"].update(dtype={first: "float16", second: "bfloat16"}))

    write("layers.0.**", "**")
    before = state_of(recipe)
    changed(recipe, lambda r: r["output"].pop("dtype"))
    changed(recipe, lambda r: r["output"].update(dtype={"**": "bfloat16", "layers.0.**": "float16"}))
    document = json.loads(recipe.read_text())
    assert list(document["output"]["dtype"]) == ["**", "layers.0.**"]
    now = before.model_copy(update={"recipe": before.recipe.model_copy(update={"sha256": "0" * 64})})
    assert now.recipe.content is not None
    content = {**now.recipe.content, "output": document["output"]}
    now = now.model_copy(update={"recipe": now.recipe.model_copy(update={"content": content})})
    assert [one.what for one in compare(before, now)] == ["recipe: output.dtype stand in another order"]


def test_a_recipe_too_long_to_be_kept(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_state, "_LONGEST_CONTENT", 10)
    before = state_of(recipe)
    assert before.recipe.content is None
    changed(recipe, lambda r: r["models"]["merged"].update(t=0.3))
    assert told(recipe, before) == ["the recipe says something else"]


def test_many_places(recipe: Path) -> None:
    changed(recipe, lambda r: r["output"].update(dtype={f"layers.{n}.**": "float16" for n in range(2)}))
    before = state_of(recipe)
    assert before.recipe.content is not None
    content = {**before.recipe.content, "models": {f"m{n}": n for n in range(15)}}
    now = before.model_copy(
        update={"recipe": before.recipe.model_copy(update={"content": content, "sha256": "0" * 64})}
    )
    found = [one.what for one in compare(before, now)]
    assert len(found) == 11
    assert found[-1] == "recipe: 6 more places"


class TestSources:
    def test_other_weights(self, recipe: Path) -> None:
        before = state_of(recipe)
        file = recipe.parent / "b" / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        assert told(recipe, before) == [
            "source `b`: model.safetensors has other weights under the same header"
        ]

    def test_weights_swapped_behind_an_old_time(self, recipe: Path) -> None:
        file = recipe.parent / "b" / "model.safetensors"
        os.utime(file, ns=(10**18, 10**18))
        before = state_of(recipe)
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        os.utime(file, ns=(10**18, 10**18))
        assert told(recipe, before) == [
            "source `b`: model.safetensors has other weights under the same header"
        ]

    def test_another_size(self, recipe: Path) -> None:
        before = state_of(recipe)
        tensors = {f"layers.{n}.w": np.ones((4, 4), np.float16) for n in range(2)}
        write_checkpoint(recipe.parent / "b" / "model.safetensors", tensors)
        (what,) = told(recipe, before)
        assert re.fullmatch(r"source `b`: model.safetensors has another size \(\d+ -> \d+ bytes\)", what)

    def test_another_header(self, recipe: Path) -> None:
        before = state_of(recipe)
        file = recipe.parent / "b" / "model.safetensors"
        content = file.read_bytes()
        at = content.index(b"layers.0")
        swapped = content.replace(b"layers.0", b"layers.9").replace(b"layers.1", b"layers.0")
        file.write_bytes(swapped.replace(b"layers.9", b"layers.1"))
        assert content[at:] != file.read_bytes()[at:]
        assert told(recipe, before) == ["source `b`: model.safetensors has another content"]

    def test_other_files(self, recipe: Path) -> None:
        before = state_of(recipe)
        folder = recipe.parent / "b"
        (folder / "model.safetensors").rename(folder / "weights.safetensors")
        assert told(recipe, before) == [
            "source `b`: model.safetensors is gone",
            "source `b`: weights.safetensors is new",
        ]

    def test_shards_by_the_dozen(self, recipe: Path) -> None:
        folder = recipe.parent / "b"
        names = [f"model-{n:05d}.safetensors" for n in range(12)]

        def shards(value: float) -> None:
            for number, name in enumerate(names):
                write_checkpoint(folder / name, {f"layers.{number}.w": np.full((4, 4), value, np.float32)})

        (folder / "model.safetensors").unlink()
        index = {f"layers.{number}.w": name for number, name in enumerate(names)}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
        shards(1.0)
        changed(recipe, lambda r: r["sources"].update(b={"path": "b", "keep": ["layers.[0:2].**"]}))
        before = state_of(recipe)
        assert list(before.sources["b"].files) == names
        shards(2.0)
        found = told(recipe, before)
        assert len(found) == 11
        assert found[-1] == "source `b`: 2 more files"

    def test_a_link_to_another_model(self, recipe: Path) -> None:
        shutil.move(recipe.parent / "b", recipe.parent / "real")
        (recipe.parent / "b").symlink_to("real")
        before = state_of(recipe)
        shutil.copytree(recipe.parent / "a", recipe.parent / "other")
        (recipe.parent / "b").unlink()
        (recipe.parent / "b").symlink_to("other")
        assert told(recipe, before) == []
        write_checkpoint(
            recipe.parent / "other" / "model.safetensors",
            {f"layers.{n}.w": np.zeros((4, 4), np.float32) for n in range(2)},
        )
        assert told(recipe, before) == [
            "source `b`: model.safetensors has other weights under the same header"
        ]

    def test_files_that_are_copied(self, recipe: Path) -> None:
        before = state_of(recipe)
        assert list(before.copied) == ["config.json", "tokenizer.json"]
        (recipe.parent / "a" / "tokenizer.json").write_text('"c"')
        (recipe.parent / "a" / "vocab.txt").write_text("words")
        assert told(recipe, before) == [
            "file for the output: tokenizer.json has another content",
            "file for the output: vocab.txt is new",
        ]
        (recipe.parent / "a" / "vocab.txt").unlink()
        (recipe.parent / "a" / "tokenizer.json").unlink()
        assert told(recipe, before) == ["file for the output: tokenizer.json is gone"]

    def test_files_of_another_giver(self, recipe: Path) -> None:
        def take(*givers: str) -> None:
            changed(recipe, lambda r: r["output"].update(copy_files_from=list(givers)))

        (recipe.parent / "extra").mkdir()
        (recipe.parent / "extra" / "tokenizer.json").write_text('"a"')
        take("a", "./extra")
        before = state_of(recipe)
        take("./extra", "a")
        assert told(recipe, before) == [
            "recipe: output.copy_files_from: `[a, ./extra]` -> `[./extra, a]`",
            "file for the output: tokenizer.json comes from `./extra`, not `a`",
        ]


def test_the_arithmetic(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_of(recipe)
    monkeypatch.setattr(current_state, "NUMERICS", 3)
    monkeypatch.setattr(tensor_keys, "NUMERICS", 3)
    assert told(recipe, before) == ["numerics 2 -> 3"]


def test_another_release_is_no_difference(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_of(recipe)
    monkeypatch.setattr(current_state, "__version__", "9.9.9")
    assert state_of(recipe).tool.mergec == "9.9.9"
    assert told(recipe, before) == []


def test_nor_is_what_a_build_adds(recipe: Path) -> None:
    before = state_of(recipe)
    found = FoundPermutations(seed=0, objective=1.0, permutations="1" * 64)
    output = LockedOutput(class_="R0", files={}, merkle="2" * 64)
    full = before.model_copy(update={"output": output, "decisions": {"m": LockedDecision(found=found)}})
    assert compare(full, before) == compare(before, full) == []


def test_what_nothing_else_tells_the_keys_do(recipe: Path) -> None:
    before = state_of(recipe)
    now = before.model_copy(update={"tensors": before.tensors.model_copy(update={"keys": "0" * 64})})
    (one,) = compare(before, now)
    assert one.path == ("tensors", "keys")
    assert "a config or an index" in one.what


def test_names_are_escaped(recipe: Path) -> None:
    before = state_of(recipe)
    source = before.sources["b"]
    odd = source.model_copy(update={"files": {"\x1b[31m": source.files["model.safetensors"]}})
    now = before.model_copy(update={"sources": {**before.sources, "b": odd}})
    assert all(char.isprintable() for one in compare(before, now) for char in one.what)


class TestTorch:
    @pytest.fixture
    def adapted(self, tmp_path: Path) -> Path:
        """A recipe with a matrix product, which is of class R1."""
        write_checkpoint(tmp_path / "base.safetensors", {"model.q_proj.weight": np.ones((4, 4), np.float32)})
        factors = {
            "base_model.model.model.q_proj.lora_A.weight": np.ones((1, 4), np.float32),
            "base_model.model.model.q_proj.lora_B.weight": np.ones((4, 1), np.float32),
        }
        write_checkpoint(tmp_path / "style" / "adapter_model.safetensors", factors)
        config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["q_proj"]}
        (tmp_path / "style" / "adapter_config.json").write_text(json.dumps(config))
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(
            "mergec: 1\nsources: {base: base.safetensors, style: style}\n"
            "models: {merged: {op: lora, base: base, adapters: {style: 1.0}}}\n"
            "output: {model: merged, path: out.safetensors}\n"
        )
        return recipe

    def test_another_build_of_it(self, adapted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = state_of(adapted)
        assert before.tool.torch is not None
        monkeypatch.setattr(current_state, "torch_build", lambda: "0.0.0+other")
        monkeypatch.setattr(tensor_keys, "torch_build", lambda: "0.0.0+other")
        assert told(adapted, before) == [f"torch {before.tool.torch} -> 0.0.0+other"]

    def test_a_config_that_changes_the_expression(self, adapted: Path) -> None:
        before = state_of(adapted)
        config = adapted.parent / "style" / "adapter_config.json"
        config.write_text(config.read_text().replace('"lora_alpha": 1', '"lora_alpha": 2'))
        (what,) = told(adapted, before)
        assert what.startswith("the tensors are computed otherwise: a config or an index")

    def test_where_nothing_depends_on_it(self, recipe: Path) -> None:
        assert state_of(recipe).tool.torch is None
