"""A config.json beside tensors that it knows nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)
LANGUAGE = {"model.layers.0.w": W, "lm_head.weight": W}
PROJECTOR = {"model.mm_projector.0.weight": W}
JOINED = {"op": "override", "base": "a", "with": ["b"]}


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    bench.folder_source("a", LANGUAGE, config__json='{"model_type": "llama"}')
    bench.folder_source("b", LANGUAGE | PROJECTOR, config__json='{"model_type": "llava_llama"}')


def warned(bench: Workbench, model: object, **output: object) -> list[str | None]:
    """The helps of the warnings of this kind."""
    recipe = bench.recipe(model, **output)
    recipe.check()
    return [warning.help for warning in recipe.warnings if warning.code == "MC0328"]


def test_is_warned_of(bench: Workbench) -> None:
    assert warned(bench, JOINED) == ["write `copy_files_from: b`"]
    assert warned(bench, JOINED, copy_files_from=["a", "b"]) == ["write `copy_files_from: b`"]


def test_where_no_source_has_a_better_one_the_help_names_none(bench: Workbench) -> None:
    (bench.folder / "b" / "config.json").unlink()
    (told,) = warned(bench, JOINED)
    assert told == "give `copy_files_from` a folder with the config.json of such a model"


def test_is_warned_of_where_a_folder_gives_it(bench: Workbench) -> None:
    (bench.folder / "files").mkdir()
    (bench.folder / "files" / "config.json").write_text('{"model_type": "llama"}')
    assert warned(bench, "b", copy_files_from="files") == ["write `copy_files_from: b`"]


def test_nothing_is_said_where_it_fits(bench: Workbench) -> None:
    assert warned(bench, JOINED, copy_files_from="b") == []
    assert warned(bench, "a") == []


def test_nothing_is_said_of_a_source_as_it_is(bench: Workbench) -> None:
    bench.folder_source("b", LANGUAGE | PROJECTOR, config__json='{"model_type": "llama"}')
    assert warned(bench, {"op": "cast", "model": "b", "dtype": "float16"}) == []


def test_nothing_is_said_of_a_file_by_itself(bench: Workbench) -> None:
    assert warned(bench, JOINED, path="out.safetensors") == []
