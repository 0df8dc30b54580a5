"""config.json, tokenizers and other files beside the weights, and the index."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors import safe_open as untyped

from mergec.output import side_files
from tests.conftest import tree

if TYPE_CHECKING:
    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)
safe_open: Any = untyped


def written(bench: Workbench) -> list[str]:
    """The files of the output, without the manifest that lists them and what tells of the recipe."""
    names = sorted(str(p.relative_to(bench.out)) for p in bench.out.rglob("*") if p.is_file())
    manifest = json.loads((bench.out / "mergec.manifest.json").read_text())
    names.remove("mergec.manifest.json")
    assert sorted(manifest["files"]) == names
    assert all((bench.out / name).stat().st_size == size for name, size in manifest["files"].items())
    return [name for name in names if name not in {"README.md", "recipe.yaml"}]


def config(bench: Workbench) -> Any:
    return json.loads((bench.out / "config.json").read_text())


class TestWhichFiles:
    @pytest.fixture(autouse=True)
    def _folder(self, bench: Workbench) -> None:
        folder = bench.folder_source(
            "a",
            {"w": W},
            config__json="{}",
            tokenizer__json="[1]",
            merges__txt="a b",
            LICENSE="free",
            trainer_state__json="{}",
            README__md="# other weights",
            optimizer__pt="x",
        )
        (folder / ".git").mkdir()
        (folder / ".git/config.json").write_text("{}")
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling/config.json").write_text('{"dim": 2}')
        (folder / "model.safetensors.index.json").write_text("{}")

    def test_belong_to_the_weights(self, bench: Workbench) -> None:
        (bench.folder / "a/model.safetensors.index.json").unlink()
        bench.build("a")
        expected = ["1_Pooling/config.json", "LICENSE", "config.json", "merges.txt", "model.safetensors"]
        assert written(bench) == [*expected, "tokenizer.json"]
        assert (bench.out / "tokenizer.json").read_text() == "[1]"

    def test_very_large_ones_stay_behind(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        (bench.folder / "a/model.safetensors.index.json").unlink()
        monkeypatch.setattr(side_files, "_LARGEST", 2)
        bench.build("a")
        assert "tokenizer.json" not in written(bench)

    def test_a_single_file_has_none(self, bench: Workbench) -> None:
        (bench.folder / "a/model.safetensors.index.json").unlink()
        bench.build("a", path="alone/out.safetensors")
        assert [p.name for p in (bench.folder / "alone").iterdir()] == ["out.safetensors"]


class TestWhose:
    def test_the_one_that_is_named(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, config__json='{"of": "a"}')
        bench.folder_source("b", {"w": W}, config__json='{"of": "b"}')
        bench.build("0.5 * a + 0.5 * b")
        assert config(bench)["of"] == "a"
        bench.build("0.5 * a + 0.5 * b", copy_files_from="b")
        assert config(bench)["of"] == "b"

    def test_by_default_the_first_folder(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.folder_source("b", {"w": W}, config__json='{"of": "b"}')
        bench.build("0.5 * a + 0.5 * b")
        assert config(bench)["of"] == "b"

    def test_a_name_that_is_neither_source_nor_folder_is_refused(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        assert bench.codes("a", copy_files_from="nobody") == ["MC0302"]
        assert bench.codes("a", copy_files_from=["a", "nobody"]) == ["MC0302"]


def files(bench: Workbench, folder: str, **texts: str) -> None:
    """A folder without weights."""
    (bench.folder / folder).mkdir(parents=True)
    for name, text in texts.items():
        (bench.folder / folder / name.replace("__", ".")).write_text(text)


class TestOfSeveral:
    def test_each_comes_from_the_first_that_has_it(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, config__json='{"of": "a"}', LICENSE="a")
        bench.folder_source("b", {"w": W}, config__json='{"of": "b"}', LICENSE="b", tokenizer__json='"b"')
        bench.build("0.5 * a + 0.5 * b", copy_files_from=["a", "b"])
        assert config(bench)["of"] == "a"
        assert (bench.out / "LICENSE").read_text() == "a"
        assert (bench.out / "tokenizer.json").read_text() == '"b"'
        bench.build("0.5 * a + 0.5 * b", copy_files_from=["b", "a"])
        assert config(bench)["of"] == "b"
        assert (bench.out / "LICENSE").read_text() == "b"

    def test_the_config_of_the_first_that_has_one(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, tokenizer__json='"a"')
        bench.folder_source("b", {"w": W}, config__json='{"of": "b", "dtype": "float16"}')
        bench.build("0.5 * a + 0.5 * b", copy_files_from=["a", "b"])
        assert config(bench) == {"of": "b", "dtype": "float32"}

    def test_folders_without_weights(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        files(bench, "their/tokenizer", tokenizer__json="1", optimizer__pt="x")
        files(bench, "config", config__json='{"of": "folder"}', tokenizer__json="2")
        bench.build("a", copy_files_from="config")
        assert written(bench) == ["config.json", "model.safetensors", "tokenizer.json"]
        assert (bench.out / "tokenizer.json").read_text() == "2"
        bench.build("a", copy_files_from=["their/tokenizer", str(bench.folder / "config")])
        assert written(bench) == ["config.json", "model.safetensors", "tokenizer.json"]
        assert (bench.out / "tokenizer.json").read_text() == "1"
        assert config(bench)["of"] == "folder"

    def test_the_name_of_a_source_wins_over_that_of_a_folder(self, bench: Workbench) -> None:
        files(bench, "b", config__json='{"of": "folder"}')
        bench.folder_source("a", {"w": W}, config__json='{"of": "a"}')
        bench.folder_source("weights", {"w": W}, config__json='{"of": "source"}')
        bench.sources["b"] = {"path": "weights"}
        bench.build("a", copy_files_from="b")
        assert config(bench)["of"] == "source"
        bench.build("a", copy_files_from="./b")
        assert config(bench)["of"] == "folder"

    def test_a_source_that_gives_files_only_is_no_unused_one(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.folder_source("b", {"w": W}, config__json="{}")
        recipe = bench.recipe("a", copy_files_from=["b"])
        recipe.check()
        assert recipe.warnings == ()

    def test_the_config_of_a_quantised_source_is_that_of_the_dense_model(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, tokenizer__json="1")
        bench.folder_source("b", {"w": W}, config__json='{"quantization_config": {}, "x": 1}')
        bench.sources["b"] = {"path": "b", "dequantize": True}
        recipe = bench.recipe("a", copy_files_from=["a", "b"])
        recipe.build()
        assert config(bench) == {"x": 1}

    @pytest.mark.parametrize(
        ("given", "code"),
        [("files/missing", "MC0201"), ("files/tokenizer.json", "MC0291"), ("hf://some/where", "MC0203")],
    )
    def test_what_is_no_folder_is_refused(self, bench: Workbench, given: str, code: str) -> None:
        bench.folder_source("a", {"w": W}, config__json="{}")
        files(bench, "files", tokenizer__json="1")
        assert bench.codes("a", copy_files_from=["a", given]) == [code]
        assert not bench.out.exists()

    def test_a_broken_config_matters_where_it_is_the_one(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, config__json="{}")
        files(bench, "files", config__json="{", tokenizer__json="1")
        bench.build("a", copy_files_from=["a", "files"])
        assert config(bench) == {}
        assert bench.codes("a", copy_files_from=["files", "a"]) == ["MC0290"]

    def test_a_folder_that_gives_files_is_never_replaced(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        files(bench, "files", config__json="{}")
        assert bench.codes("a", copy_files_from="files", path="files") == ["MC0802"]
        assert (bench.folder / "files" / "config.json").exists()


class TestConfig:
    @pytest.mark.parametrize("key", ["torch_dtype", "dtype"])
    def test_names_the_dtype_that_most_bytes_have(self, bench: Workbench, key: str) -> None:
        bench.folder_source("a", {"w": W, "norm": W[:1]}, config__json=json.dumps({key: "float32", "x": 1}))
        bench.build("a", dtype={"norm": "float32", "**": "bfloat16"})
        assert config(bench) == {key: "bfloat16", "x": 1}

    @pytest.mark.parametrize("key", ["torch_dtype", "dtype"])
    def test_its_parts_follow_where_they_name_the_dtype_that_the_whole_had(
        self, bench: Workbench, key: str
    ) -> None:
        text = {key: "float16", "x": {key: "float16"}, "audio_config": {key: "float16"}}
        old = {key: "float16", "text_config": text, "vision_config": {key: "float32"}}
        bench.folder_source("a", {"w": W}, config__json=json.dumps(old))
        bench.build("a", dtype="bfloat16")
        text |= {key: "bfloat16", "audio_config": {key: "bfloat16"}}
        assert config(bench) == {key: "bfloat16", "text_config": text, "vision_config": {key: "float32"}}

    def test_parts_of_a_config_that_names_no_dtype_are_left_as_they_are(self, bench: Workbench) -> None:
        old = {"text_config": {"dtype": "float16"}}
        bench.folder_source("a", {"w": W}, config__json=json.dumps(old))
        bench.build("a", dtype="bfloat16")
        assert config(bench) == {**old, "torch_dtype": "bfloat16"}

    def test_that_is_no_json_stops_before_anything_is_written(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, config__json="{")
        (code,) = bench.codes("a")
        assert code.startswith("MC02")
        assert not bench.out.exists()

    def test_keeps_text_of_any_script(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, config__json='{"name": "модель"}')
        bench.build("a")
        assert config(bench) == {"name": "модель"}


class TestIndex:
    def test_is_written_for_several_shards_only(self, bench: Workbench) -> None:
        bench.source("a", {f"h.{i}.w": W for i in range(5)})
        bench.build("a")
        assert written(bench) == ["model.safetensors"]
        bench.build("a", max_shard_size=2 * W.nbytes)
        assert written(bench) == [
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
            "model.safetensors.index.json",
        ]

    def test_leads_to_every_tensor(self, bench: Workbench) -> None:
        tensors = {f"h.{i}.w": W + i for i in range(12)}
        bench.source("a", tensors)
        bench.build("a", max_shard_size=30)
        index = json.loads((bench.out / "model.safetensors.index.json").read_text())
        assert index["metadata"] == {"total_size": 12 * W.nbytes}
        assert set(index["weight_map"]) == set(tensors)
        for name, file in index["weight_map"].items():
            with safe_open(bench.out / file, "np") as opened:
                assert opened.metadata()["format"] == "pt"
                np.testing.assert_array_equal(opened.get_tensor(name), tensors[name])


def test_an_output_inside_its_source_does_not_hold_the_one_before(bench: Workbench) -> None:
    bench.folder_source("a", {"w": W}, config__json="{}")
    recipe = bench.recipe("a", path="a/merged")
    first = tree(recipe.build().path)
    assert tree(recipe.build().path) == first


def test_a_file_whose_name_is_not_text(bench: Workbench) -> None:
    folder = bench.folder_source("a", {"w": W})
    name = os.fsdecode(b"caf\xe9.txt")
    (folder / name).touch()
    bench.recipe("a").build()
    assert name in written(bench)
    bench.recipe("a").build()  # and the manifest lists it: it is no file that somebody added


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": ' + "[" * 985 + "]" * 985 + "}"])
def test_a_config_that_could_not_be_written_is_refused_before_anything_is(
    bench: Workbench, text: str
) -> None:
    bench.folder_source("a", {"w": W}, config__json=text)
    assert bench.codes("a") == ["MC0290"]
