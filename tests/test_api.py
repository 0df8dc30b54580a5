"""The Python interface: wrong arguments are told at once, as a caller's mistakes are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import mergec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe whose source does not exist: arguments are looked at before any file is."""
    path = tmp_path / "recipe.yaml"
    path.write_text("mergec: 1\nsources: {a: nowhere.safetensors}\noutput: {model: a, path: out}\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"memory": "lots"}, "`lots` is not a size such as 5GB or 512MiB"),
        ({"memory": 0}, "memory: expected a size such as '2GiB' or a number of bytes, found 0"),
        ({"memory": -5}, "memory: .* found -5"),
        ({"memory": 1.5}, r"memory: .* found 1\.5"),
        ({"memory": True}, "memory: .* found True"),
        ({"workers": -1}, r"workers: expected a number of threads \(0: one per processor\), found -1"),
        ({"workers": 2.0}, r"workers: .* found 2\.0"),
        ({"out": ""}, "out: expected a path, found ''"),
        ({"out": "merged.ckpt"}, r"expected a directory or a file .*; write `merged\.safetensors`"),
        ({"out": "a\0b"}, r"out: expected a path, found 'a\\x00b'"),
    ],
)
def test_wrong_arguments_are_value_errors(recipe: Path, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        mergec.load(recipe).plan(**arguments)
    with pytest.raises(ValueError, match=problem):
        mergec.load(recipe).build(**arguments)


@pytest.mark.parametrize("path", ["a\0b", "", "nowhere.yaml"])
def test_a_path_that_is_no_recipe_is_a_diagnostic(path: str) -> None:
    with pytest.raises(mergec.MergecError) as caught:
        mergec.load(path).check()
    assert [one.code for one in caught.value.diagnostics] == ["MC0107"]


def test_errors_carry_their_diagnostics(recipe: Path) -> None:
    with pytest.raises(mergec.MergecError) as caught:
        mergec.load(recipe).check()
    (error,) = caught.value.diagnostics
    assert error.code == "MC0201"
    assert error.span is not None
    assert error.span.line == 2
