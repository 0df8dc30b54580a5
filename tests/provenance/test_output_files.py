"""What lies beside the weights of an output, built by the pipeline."""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from huggingface_hub import ModelCard

import mergec
from tests.conftest import read_checkpoint, tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32).reshape(2, 3)
SUM = "0.5 * a + 0.5 * b"


def card(**entries: object) -> str:
    return "".join(
        ("---\n", *(f"{key}: {json.dumps(value)}\n" for key, value in entries.items()), "---\n# hi\n")
    )


def sources(bench: Workbench, *licences: str | None) -> None:
    for name, licence in zip("abc", licences, strict=False):
        readme = card(license=licence, base_model=f"org/{name}") if licence else "# A model\n"
        bench.folder_source(name, {"w": W * ord(name)}, README__md=readme, config__json="{}")


def metadata(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    found: dict[str, Any] = json.loads(content[8 : 8 + length])["__metadata__"]
    return found


class TestDirectory:
    def test_card_and_recipe(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        bench.build(SUM)
        data = ModelCard.load(bench.out / "README.md").data.to_dict()
        assert (data["license"], data["base_model"]) == ("mit", ["org/a", "org/b"])
        recipe = (bench.out / "recipe.yaml").read_text()
        assert f"```yaml\n{recipe}```" in (bench.out / "README.md").read_text()
        manifest = json.loads((bench.out / "mergec.manifest.json").read_text())
        assert {"README.md", "recipe.yaml"} < manifest["files"].keys()

    def test_the_recipe_builds_the_same_again(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        first = bench.build(SUM)
        again = bench.folder / "again.yaml"
        again.write_text((bench.out / "recipe.yaml").read_text())
        bench.out.rename(bench.folder / "first")
        mergec.load(again).build()
        assert read_checkpoint(bench.out) == first
        assert tree(bench.out) == tree(bench.folder / "first")

    def test_parameters_that_were_set_are_shown(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        recipe = bench.folder / "p.yaml"
        recipe.write_text(
            "mergec: 1\nparams: {t: 0.5}\nsources: {a: a, b: b}\n"
            "models: {m: 'a + ${t} * (b - a)'}\noutput: {model: m, path: out}\n"
        )
        mergec.load(recipe, params={"t": 0.125}).build()
        text = (bench.out / "README.md").read_text()
        assert "# t: 0.125\n" in text
        assert 'm: "a + 0.125 * (b - a)"\n' in text

    def test_no_byte_depends_on_the_place(self, bench: Workbench, tmp_path: Path) -> None:
        sources(bench, "mit", "apache-2.0")
        bench.sources["b"] = {"path": str(bench.folder / "b")}
        loaded = bench.recipe(SUM, copy_files_from=str(bench.folder / "b"))
        loaded.build()
        first = tree(bench.out)
        assert not any(str(tmp_path).encode() in content for content in first.values())
        moved = tmp_path.parent / f"{tmp_path.name}-moved"
        tmp_path.rename(moved)
        text = (moved / "recipe.yaml").read_text().replace(str(tmp_path), str(moved))
        (moved / "recipe.yaml").write_text(text)
        (moved / "out").rename(moved / "first")
        mergec.load(moved / "recipe.yaml").build()
        assert tree(moved / "out") == first

    def test_the_card_of_a_source_is_never_taken_over(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        bench.build(SUM, copy_files_from="b", card=False)
        assert not (bench.out / "README.md").exists()
        assert (bench.out / "recipe.yaml").exists()

    def test_digests_of_what_it_was_made_of(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        bench.build(SUM)
        text = (bench.out / "README.md").read_text()
        for name in "ab":
            content = (bench.folder / name / "model.safetensors").read_bytes()
            assert (
                f"| {name}/model.safetensors | {len(content)} | `{sha256(content).hexdigest()}` |\n" in text
            )

    def test_an_edited_card_is_not_overwritten(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        bench.build(SUM)
        path = bench.out / "README.md"
        path.write_text(path.read_text().replace("Merged", "Folded"))
        with pytest.raises(mergec.MergecError) as caught:
            bench.recipe("0.25 * a + 0.75 * b").build()
        assert [one.code for one in caught.value.errors] == ["MC0801"]
        assert caught.value.errors[0].notes == ("it holds `README.md`, which somebody changed",)
        bench.recipe(SUM).build(force=True)
        assert "Folded" not in path.read_text()

    def test_licences_that_differ(self, bench: Workbench) -> None:
        sources(bench, "mit", "llama2", None)
        loaded = bench.recipe("a + b - c")
        loaded.check()
        assert [one.code for one in loaded.warnings] == ["MC0830"]
        result = loaded.build()
        assert [one.code for one in result.warnings] == ["MC0830"]
        assert ModelCard.load(bench.out / "README.md").data.license == "other"

    @pytest.mark.parametrize(
        "content",
        [b"---\nlicense: \xff\n---\n", b"---\nlicense: [*a]\n---\n", b"---\nlicense: a\nlicense: a\n---\n",
         b"---\nlicense: " + b"[" * (1 << 15) + b"\n---\n", b"---\n" + b"x" * (2 << 20)],
    )  # fmt: skip
    def test_a_hostile_card_stops_nothing(self, bench: Workbench, content: bytes) -> None:
        sources(bench, "mit", "mit")
        (bench.folder / "b/README.md").write_bytes(content)
        result = bench.recipe(SUM).build()
        assert [one.code for one in result.warnings] == ["MC0831"]
        assert "license" not in ModelCard.load(bench.out / "README.md").data.to_dict()

    def test_a_front_matter_that_is_no_mapping_says_nothing(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        (bench.folder / "b/README.md").write_text("---\n- license: gpl\n---\n")
        assert bench.recipe(SUM).build().warnings == ()

    def test_an_output_as_a_source_gives_neither_recipe_nor_card(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        bench.build(SUM)
        (bench.out).rename(bench.folder / "c")
        bench.sources["c"] = {"path": "c"}
        bench.build("c", copy_files_from="c")
        assert "path: c" in (bench.out / "recipe.yaml").read_text()
        assert ModelCard.load(bench.out / "README.md").data.base_model == ["org/a", "org/b"]


class TestWebUi:
    def test_a_single_file_tells_what_was_merged(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.source("b", {"w": W + 1})
        bench.build(SUM, path="out/merged.safetensors", metadata="sdwebui")
        found = metadata(bench.out / "merged.safetensors")
        digests = [sha256((bench.folder / f"{name}.safetensors").read_bytes()).hexdigest() for name in "ab"]
        assert found["format"] == "pt"
        assert found["mergec"] == "1"
        assert found["modelspec.merged_from"] == "a, b"
        recipe, models = json.loads(found["sd_merge_recipe"]), json.loads(found["sd_merge_models"])
        assert [recipe["primary_model_hash"], recipe["secondary_model_hash"]] == digests
        assert recipe["recipe"]["models"] == {"merged": SUM}
        assert list(models) == digests
        assert [p.name for p in bench.out.iterdir()] == ["merged.safetensors"]

    def test_history_goes_on(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.source("b", {"w": W + 1})
        bench.build(SUM, path="c.safetensors", metadata="sdwebui")
        earlier = metadata(bench.folder / "c.safetensors")
        bench.sources = {"a": {"path": "a.safetensors"}, "c": {"path": "c.safetensors"}}
        bench.build("0.5 * a + 0.5 * c", path="d.safetensors", metadata="sdwebui")
        models = json.loads(metadata(bench.folder / "d.safetensors")["sd_merge_models"])
        digest = sha256((bench.folder / "c.safetensors").read_bytes()).hexdigest()
        assert models[digest]["sd_merge_recipe"] == json.loads(earlier["sd_merge_recipe"])
        assert set(json.loads(earlier["sd_merge_models"])) < set(models)

    def test_files_with_equal_bytes(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W})
        bench.folder_source("b", {"w": W})
        made = bench.build(SUM, path="c.safetensors", metadata="sdwebui")
        assert np.array_equal(made["w"].values, W)
        found = metadata(bench.folder / "c.safetensors")
        assert len(json.loads(found["sd_merge_models"])) == 1
        assert found["modelspec.merged_from"] == "a/model, b/model"

    def test_the_same_bytes_each_time(self, bench: Workbench) -> None:
        sources(bench, "mit", "mit")
        for out in ("one.safetensors", "two.safetensors"):
            bench.recipe(SUM, metadata="sdwebui").build(out=bench.folder / out)
        assert (bench.folder / "one.safetensors").read_bytes() == (
            bench.folder / "two.safetensors"
        ).read_bytes()

    def test_nothing_is_told_unless_it_is_asked_for(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.build("a", path="c.safetensors")
        assert metadata(bench.folder / "c.safetensors") == {"format": "pt", "mergec": "1"}
