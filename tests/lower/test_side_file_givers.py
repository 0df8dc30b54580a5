"""What `copy_files_from` may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec

if TYPE_CHECKING:
    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("nobody", "MC0302"),
        ("merged", "MC0302"),  # a model has no files
        ("no/body", "MC0201"),
        ("./nobody", "MC0201"),
        ("~", "MC0201"),
        ("w" * 300, "MC0202"),
        ("\ud800", "MC0302"),
        ("", "MC0112"),
        ("a\0", "MC0112"),
    ],
)
@pytest.mark.parametrize("is_list", [False, True])
def test_what_is_neither_source_nor_folder(
    bench: Workbench,
    given: str,
    code: str,
    is_list: bool,  # noqa: FBT001
) -> None:
    bench.source("a", {"w": W})
    assert bench.codes("1.0 * a", copy_files_from=[given] if is_list else given) == [code]


def test_sources_are_opened_once_in_the_order_of_their_use(bench: Workbench) -> None:
    for name in "abc":
        bench.folder_source(name, {"w": W})
    recipe = bench.recipe("0.5 * a + 0.5 * b", copy_files_from=["c", "b", "c"])
    assert list(recipe.check().sources.sources) == ["a", "b", "c"]


def test_names_that_are_near_are_proposed(bench: Workbench) -> None:
    bench.source("adapter", {"w": W})
    (bench.folder / "tokenizer").mkdir()
    recipe = bench.recipe("adapter", copy_files_from=["adaptor", "tokeniser"])
    with pytest.raises(mergec.MergecError) as caught:
        recipe.check()
    assert [error.help for error in caught.value.errors] == [
        "did you mean `adapter`?",
        "did you mean `tokenizer`?",
    ]
