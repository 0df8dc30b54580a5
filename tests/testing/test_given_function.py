from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import torch

from mergec.diagnostics import MergecError
from mergec.testing.given_function import given_forward

if TYPE_CHECKING:
    from pathlib import Path


def test_a_function_and_what_lies_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("factor = 3")
    (tmp_path / "net.py").write_text(
        "from beside_it import factor\ndef net(tensors):\n    return [factor * tensors['w']]"
    )
    before = list(sys.path)
    (found,) = given_forward(f"{tmp_path / 'net.py'}:net")({"w": torch.ones(2)})
    assert found.tolist() == [3.0, 3.0]
    assert sys.path == before


def test_a_colon_in_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "net.py").write_text("def net(tensors): return tensors['w']")
    assert len(given_forward(f"{folder / 'net.py'}:net")({"w": torch.ones(2)})) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("net.py", "expected FILE.py:FUNCTION"),
        ("net:function", "expected FILE.py:FUNCTION"),
        ("net.py:", "expected FILE.py:FUNCTION"),
        ("net.py:a.b", "expected FILE.py:FUNCTION"),
        ("missing.py:net", "no file"),
    ],
)
def test_what_names_no_function(text: str, problem: str) -> None:
    with pytest.raises(MergecError, match=problem) as caught:
        given_forward(text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text", ["net = 3", "other = lambda tensors: None", "raise SyntaxError('no')", "net("]
)
def test_a_file_without_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.py").write_text(text)
    with pytest.raises(MergecError, match="MC0553"):
        given_forward(f"{tmp_path / 'net.py'}:net")


def test_the_line_that_failed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "def net(tensors):\n    return deeper()\ndef deeper():\n    return 1 / 0"
    )
    forward = given_forward(f"{tmp_path / 'net.py'}:net")
    with pytest.raises(MergecError, match="the function failed: ZeroDivisionError") as caught:
        forward({})
    assert caught.value.errors[0].notes[0].startswith("in line 4 of ")
