"""`op: graft` with `component:`, on tensors small enough to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic
    from tests.conftest import Array, Workbench

GRAFT = {"op": "graft", "into": "a", "from": "b"}
TOWER = {**GRAFT, "component": "vision_tower"}


def llava(number: float, width: int, layers: int = 1, prefix: str = "") -> dict[str, Array]:
    """A model in the layout of llava-hf; every value is the number."""
    tower = {f"encoder.layers.{i}.w": (width, width) for i in range(layers)}
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}vision_tower.embeddings.patch_embedding.weight": (width, 3, 2, 2),
        **{f"{prefix}vision_tower.{name}": shape for name, shape in tower.items()},
        f"{prefix}multi_modal_projector.linear_1.weight": (4, width),
        f"{prefix}multi_modal_projector.linear_2.weight": (4, 4),
    }
    if prefix:
        shapes |= {"model.language_model.embed_tokens.weight": (9, 4), "lm_head.weight": (9, 4)}
    else:
        shapes |= {
            "language_model.model.embed_tokens.weight": (9, 4),
            "language_model.lm_head.weight": (9, 4),
        }
    return {name: np.full(shape, number, np.float32) for name, shape in shapes.items()}


def config(name: str, **more: Any) -> str:
    return json.dumps({"model_type": "llava", "vision_config": {"of": name}, **more})


def warnings(bench: Workbench, model: object) -> list[Diagnostic]:
    recipe = bench.recipe(model)
    recipe.check()
    return list(recipe.warnings)


def remarks(bench: Workbench, model: object) -> dict[str, tuple[str, ...]]:
    found = bench.recipe(model).check().checked.remarks
    return {f"{remark.model}: {remark.what}": remark.names for remark in found}


class TestMoves:
    def test_the_tensors_of_a_component_under_the_names_of_the_layout(self, bench: Workbench) -> None:
        bench.source("a", llava(1, 3, layers=2))
        bench.source("b", llava(2, 3, prefix="model."))
        made = bench.build(TOWER)
        expected = {**llava(1, 3), "vision_tower.embeddings.patch_embedding.weight": np.float32(2)}
        assert {name: tensor.values.flat[0] for name, tensor in made.items()} == {
            name: 2 if name.startswith("vision_tower") else 1 for name in expected
        }

    def test_and_says_what_came_and_what_went(self, bench: Workbench) -> None:
        bench.source("a", llava(1, 3, layers=2))
        bench.source("b", llava(2, 3))
        found = remarks(bench, TOWER)
        assert found == {
            "merged: vision tower from b": (
                "vision_tower.embeddings.patch_embedding.weight",
                "vision_tower.encoder.layers.0.w",
            ),
            "merged: vision tower of a left out": ("vision_tower.encoder.layers.1.w",),
            "output: connector input 3 = vision tower width 3": (),
            "output: connector output 4 = hidden size 4": (),
        }

    def test_and_how_the_names_changed(self, bench: Workbench) -> None:
        bench.source("a", llava(1, 3))
        bench.source("b", llava(2, 3, prefix="model."))
        rule = "model.vision_tower.{rest:**} -> vision_tower.{rest}"
        assert remarks(bench, TOWER)[f"merged: names of b: {rule}"] == ()

    def test_a_language_model_comes_without_its_head(self, bench: Workbench) -> None:
        for name in "ab":
            bench.source(name, llava(1, 3))
        found = remarks(bench, {**GRAFT, "component": "language_model"})
        head = "merged: head of a kept before the language model of b (`component: head` takes its own)"
        assert found[head] == ("language_model.lm_head.weight",)

    def test_copies_bytes_and_computes_nothing(self, bench: Workbench) -> None:
        for name in "ab":
            bench.source(name, llava(1, 3))
        assert not bench.recipe(TOWER).plan().computes

    def test_a_component_that_was_not_there(self, bench: Workbench) -> None:
        a = {name: value for name, value in llava(1, 3).items() if "vision" not in name}
        bench.source("a", a)
        bench.source("b", llava(2, 3))
        assert bench.build(TOWER).keys() == llava(1, 3).keys()

    def test_only_where_the_recipe_wants_it(self, bench: Workbench) -> None:
        bench.source("a", llava(1, 3, layers=2))
        bench.source("b", llava(2, 3, layers=3))
        made = bench.build({**TOWER, "where": ["**.layers.[1:3].**"]})
        found = {
            name: tensor.values.flat[0] for name, tensor in made.items() if ".w" in name and "layers" in name
        }
        assert [found[f"vision_tower.encoder.layers.{i}.w"] for i in range(3)] == [1, 2, 2]

    def test_and_renames_on_top(self, bench: Workbench) -> None:
        for name in "ab":
            bench.source(name, llava(1, 3))
        rule = "vision_tower.encoder.{rest:**} -> vision_tower.blocks.{rest}"
        assert "vision_tower.blocks.layers.0.w" in bench.build({**TOWER, "rename": [rule]})

    def test_from_a_model_that_the_recipe_made(self, bench: Workbench) -> None:
        bench.source("a", llava(1, 3))
        bench.source("b", llava(2, 3))
        bench.source("c", llava(4, 3))
        made = bench.build({"mix": "0.5 * b + 0.5 * c", "merged": {**TOWER, "from": "mix"}})
        assert made["vision_tower.encoder.layers.0.w"].values.flat[0] == 3


class TestBesideTheWeights:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        files = {
            "preprocessor_config__json": '"a"',
            "processor_config__json": '"a"',
            "tokenizer__json": '"a"',
        }
        bench.folder_source("a", llava(1, 3), config__json=config("a", kept=1), **files)
        files = {
            "preprocessor_config__json": '"b"',
            "tokenizer__json": '"b"',
            "video_preprocessor_config__json": '"b"',
        }
        bench.folder_source("b", llava(2, 3), config__json=config("b", projector_hidden_act="relu"), **files)

    def written(self, bench: Workbench, name: str) -> Any:
        return json.loads((bench.out / name).read_text())

    def test_the_config_and_the_processor_follow_a_tower(self, bench: Workbench) -> None:
        bench.build(TOWER)
        assert self.written(bench, "config.json") == json.loads(config("b", kept=1))
        assert self.written(bench, "preprocessor_config.json") == "b"
        assert self.written(bench, "video_preprocessor_config.json") == "b"
        assert self.written(bench, "processor_config.json") == "a"
        assert self.written(bench, "tokenizer.json") == "a"
        manifest = json.loads((bench.out / "mergec.manifest.json").read_text())
        assert "video_preprocessor_config.json" in manifest["files"]

    def test_and_the_plan_says_so(self, bench: Workbench) -> None:
        found = remarks(bench, TOWER)
        assert "merged: config.json: vision_config from b" in found
        assert "merged: preprocessor_config.json, video_preprocessor_config.json from b" in found
        assert "merged: processor_config.json of a kept, b has none" in found

    def test_the_processor_stays_with_the_tower(self, bench: Workbench) -> None:
        bench.build({**GRAFT, "component": "connector"})
        assert self.written(bench, "config.json")["projector_hidden_act"] == "relu"
        assert self.written(bench, "config.json")["vision_config"] == {"of": "a"}
        assert self.written(bench, "preprocessor_config.json") == "a"
        assert not (bench.out / "video_preprocessor_config.json").exists()

    def test_through_operations_that_come_later(self, bench: Workbench) -> None:
        cast = {"op": "cast", "model": "moved", "dtype": "float16"}
        bench.build({"moved": TOWER, "merged": cast})
        assert self.written(bench, "config.json")["vision_config"] == {"of": "b"}
        assert self.written(bench, "preprocessor_config.json") == "b"

    def test_a_file_alone_has_nothing_beside_it(self, bench: Workbench) -> None:
        bench.recipe(TOWER, path="alone/out.safetensors").build()
        assert [path.name for path in (bench.folder / "alone").iterdir()] == ["out.safetensors"]

    def test_a_part_of_a_tower_leaves_them_where_they_were(self, bench: Workbench) -> None:
        part = {**TOWER, "where": ["**.layers.**"]}
        bench.build(part)
        assert self.written(bench, "config.json")["vision_config"] == {"of": "a"}
        assert self.written(bench, "preprocessor_config.json") == "a"
        what = "merged: only a part of the vision tower comes, so config.json and files of a stay"
        assert what in remarks(bench, part)

    def test_a_where_that_lets_all_of_it_come_changes_nothing(self, bench: Workbench) -> None:
        bench.build({**TOWER, "where": ["vision_tower.**"]})
        assert self.written(bench, "preprocessor_config.json") == "b"

    def test_a_folder_that_is_named_by_its_path_keeps_its_own(self, bench: Workbench) -> None:
        for name in ("mine", "later"):
            (bench.folder / name).mkdir()
            (bench.folder / name / "preprocessor_config.json").write_text(f'"{name}"')
        bench.build(TOWER, copy_files_from=["./mine", "a"])
        assert self.written(bench, "preprocessor_config.json") == "mine"
        assert self.written(bench, "video_preprocessor_config.json") == "b"
        bench.build(TOWER, copy_files_from=["a", "./later"])
        assert self.written(bench, "preprocessor_config.json") == "b"
        bench.build(TOWER, copy_files_from="./mine")
        assert self.written(bench, "video_preprocessor_config.json") == "b"

    def test_within_one_folder_nothing_moves(self, bench: Workbench) -> None:
        bench.sources["b"] = {"path": "a"}
        assert not any("preprocessor" in remark for remark in remarks(bench, TOWER))


LANGUAGE = {**GRAFT, "component": "language_model"}
HEAD = {**GRAFT, "component": "head"}


class TestTheTokenizer:
    """Which files are beside the weights, and whose they are: each holds the name of its source."""

    def source(self, bench: Workbench, name: str, *files: str) -> None:
        texts = {file.replace(".", "__"): json.dumps(name) for file in files}
        bench.folder_source(name, llava(1, 3), config__json=config(name, text_config={"of": name}), **texts)

    def files(self, bench: Workbench, model: object, **output: object) -> dict[str, str]:
        bench.build(model, **output)
        names = {path.name for path in bench.out.iterdir() if path.suffix in {".json", ".txt", ".jinja"}}
        names -= {"config.json", "mergec.manifest.json"}
        return {name: json.loads((bench.out / name).read_text()) for name in sorted(names)}

    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        words = ("tokenizer.json", "merges.txt", "chat_template.jinja")
        self.source(bench, "a", *words, "processor_config.json")
        self.source(bench, "b", "tokenizer.json", "generation_config.json", "processor_config.json")

    def test_follows_the_language_model_as_a_whole(self, bench: Workbench) -> None:
        found = self.files(bench, LANGUAGE)
        assert found == {
            "generation_config.json": "b",
            "processor_config.json": "a",
            "tokenizer.json": "b",
        }
        told = json.loads((bench.out / "config.json").read_text())
        assert told["vision_config"] == {"of": "a"}
        assert told["text_config"] == {"of": "b"}

    def test_and_the_plan_says_so(self, bench: Workbench) -> None:
        found = remarks(bench, LANGUAGE)
        assert "merged: generation_config.json, tokenizer.json from b" in found
        assert "merged: chat_template.jinja, merges.txt of a left out, b has none" in found

    def test_stays_without_the_embeddings(self, bench: Workbench) -> None:
        for model in (HEAD, {**LANGUAGE, "where": ["**projector.**"]}, TOWER):
            assert self.files(bench, model)["tokenizer.json"] == "a"

    def test_stays_where_the_donor_has_none(self, bench: Workbench) -> None:
        bench.source("b", llava(1, 3))
        assert self.files(bench, LANGUAGE)["tokenizer.json"] == "a"
        assert any(
            remark.endswith("chat_template.jinja, merges.txt of a kept, b has none")
            for remark in remarks(bench, LANGUAGE)
        )

    def test_of_the_last_of_several(self, bench: Workbench) -> None:
        self.source(bench, "c", "vocab.txt")
        third = {**LANGUAGE, "into": "first", "from": "c"}
        assert self.files(bench, {"first": LANGUAGE, "merged": third}, copy_files_from="a") == {
            "processor_config.json": "a",
            "vocab.txt": "c",
        }

    def test_of_the_model_itself_once_more(self, bench: Workbench) -> None:
        back = {**LANGUAGE, "into": "first", "from": "a"}
        assert self.files(bench, {"first": LANGUAGE, "merged": back}) == self.files(bench, "1.0 * a")

    def test_of_a_folder_that_is_named_by_its_path(self, bench: Workbench) -> None:
        (bench.folder / "words").mkdir()
        (bench.folder / "words" / "vocab.txt").write_text('"words"')
        found = self.files(bench, LANGUAGE, copy_files_from=["words", "a"])
        assert found["vocab.txt"] == "words"


class TestWarnings:
    def test_of_a_config_that_still_describes_another_tower(self, bench: Workbench) -> None:
        bench.folder_source("a", llava(1, 3), config__json=config("a"))
        bench.source("b", llava(2, 3))
        (warning,) = warnings(bench, TOWER)
        assert warning.code == "MC0326"

    def test_of_a_connector_of_another_kind(self, bench: Workbench) -> None:
        bench.source("a", llava(1, 3))
        b = {name: value for name, value in llava(2, 3).items() if "projector" not in name}
        b["multi_modal_projector.linear.weight"] = np.ones((4, 3), np.float32)
        bench.source("b", b)
        (warning,) = warnings(bench, {**GRAFT, "component": "connector"})
        assert warning.code == "MC0327"


class TestRefuses:
    @pytest.mark.parametrize("keys", [{}, {"take": ["**"], "component": "connector"}])
    def test_neither_and_both(self, bench: Workbench, keys: dict[str, Any]) -> None:
        for name in "ab":
            bench.source(name, llava(1, 3))
        assert bench.codes({**GRAFT, **keys}) == ["MC0320"]

    def test_a_component_that_the_donor_lacks(self, bench: Workbench) -> None:
        for name in "ab":
            bench.source(name, llava(1, 3))
        assert bench.codes({**GRAFT, "component": "audio_tower"}) == ["MC0321"]

    @pytest.mark.parametrize("name", ["a", "b"])
    def test_names_of_several_families(self, bench: Workbench, name: str) -> None:
        bench.source("a", llava(1, 3))
        bench.source("b", llava(1, 3))
        bench.source(name, {"audio_tower.proj.weight": np.ones(3, np.float32)})
        assert bench.codes(TOWER) == ["MC0322"]

    @pytest.mark.parametrize("name", ["a", "b"])
    def test_names_of_no_family(self, bench: Workbench, name: str) -> None:
        bench.source("a", llava(1, 3))
        bench.source("b", llava(1, 3))
        bench.source(name, {"w": np.ones(3, np.float32)})
        assert bench.codes(TOWER) == ["MC0323"]

    def test_a_layout_without_a_place_for_it(self, bench: Workbench) -> None:
        bench.source("a", {"model.layers.0.w": np.ones(3, np.float32)})
        bench.source("b", llava(1, 3))
        assert bench.codes(TOWER) == ["MC0324"]
