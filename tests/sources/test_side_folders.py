"""The folders that an output takes its files from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mergec.sources.side_folders import SideFiles, SideFolder
    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)


def opened(bench: Workbench, model: object, **output: object) -> SideFiles | None:
    return bench.recipe(model, **output).check().sources.side_files


def names(folders: tuple[SideFolder, ...]) -> list[tuple[str, bool]]:
    return [(folder.name, folder.is_source) for folder in folders]


def test_by_default_that_of_the_first_directory(bench: Workbench) -> None:
    bench.source("a", {"w": W})
    bench.folder_source("b", {"w": W}, config__json='{"x": 1}')
    bench.folder_source("c", {"w": W}, config__json='{"x": 2}')
    found = opened(bench, "1.0 * a + 1.0 * (b - c)")
    assert found is not None
    assert names(found.folders) == [("b", True)]
    assert found.config == {"x": 1}


def test_none_where_all_sources_are_files(bench: Workbench) -> None:
    bench.source("a", {"w": W})
    assert opened(bench, "a") is None


def test_those_of_files_are_taken_where_the_recipe_names_them(bench: Workbench) -> None:
    bench.source("a", {"w": W})
    (bench.folder / "config.json").write_text(json.dumps({"x": 3}))
    found = opened(bench, "a", copy_files_from="a")
    assert found is not None
    assert found.config == {"x": 3}


def test_the_config_is_the_first_that_there_is(bench: Workbench) -> None:
    bench.folder_source("a", {"w": W})
    (bench.folder / "empty").mkdir()
    (bench.folder / "files").mkdir()
    (bench.folder / "files" / "config.json").write_text("{}")
    bench.folder_source("b", {"w": W}, config__json='{"x": 1}')
    found = opened(bench, "a", copy_files_from=["empty", "a", "files", "b"])
    assert found is not None
    assert names(found.folders) == [("empty", False), ("a", True), ("files", False), ("b", True)]
    assert found.config == {}
    assert found.config_folder is not None
    assert found.config_folder.name == "files"
