from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mergec.importing.source_paths import SourcePaths

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("here/a", "here/both", "beside/b", "beside/both", "recipes/deep"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def paths(root: Path, recipe: str) -> SourcePaths:
    return SourcePaths(root / "here", root / "beside", root / recipe)


@pytest.mark.parametrize(
    ("recipe", "path", "written"),
    [
        ("here", "./a", "./a"),
        ("beside", "b", "b"),
        ("recipes/deep", "a", "../../here/a"),
        ("recipes/deep", "b", "../../beside/b"),
        ("recipes/deep", "both", "../../here/both"),
        ("beside", "both", "../here/both"),
        (".", "a", "here/a"),
        ("recipes", "org/model", "org/model"),
        ("recipes", "x\0", "x\0"),
        ("recipes", "x" * 5000, "x" * 5000),
    ],
)
def test_paths_lead_from_the_recipe(root: Path, recipe: str, path: str, written: str) -> None:
    assert paths(root, recipe).written(path) == written


def test_absolute_paths_stay(root: Path) -> None:
    assert paths(root, "recipes").written(str(root / "here" / "a")) == str(root / "here" / "a")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("org/model-7B_v0.1", True), ("./org", False), ("../x/y", False), ("a/b/c", False), ("both/", False)],
)
def test_what_may_be_on_the_hub(root: Path, path: str, *, expected: bool) -> None:
    assert paths(root, "here").is_on_the_hub(path) is expected


def test_what_is_here_is_not_on_the_hub(root: Path) -> None:
    (root / "here" / "org" / "model").mkdir(parents=True)
    assert not paths(root, "here").is_on_the_hub("org/model")
