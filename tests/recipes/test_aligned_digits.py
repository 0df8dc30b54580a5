"""The path between the two digit networks as the recipe walks and draws it, and as the README shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch
from safetensors.torch import load_file

import mergec

ROOT = Path(__file__).parents[2]
PICTURE = Path("docs", "pictures", "aligned-digits.svg")


@pytest.fixture(scope="module")
def recipe(copied: Path) -> Path:
    return copied / "aligned-digits"


def curves(svg: str) -> list[list[tuple[float, float]]]:
    """The points of all lines of a picture."""
    root = ET.fromstring(svg)  # noqa: S314  # our own
    lines = [line.attrib["points"] for line in root.iter("{http://www.w3.org/2000/svg}polyline")]
    return [[(float(x), float(y)) for x, y in (p.split(",") for p in line.split())] for line in lines]


def test_the_script_shows_and_draws_how_the_barrier_goes(recipe: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    command = [sys.executable, str(recipe / "evaluate.py"), "--picture", str(picture)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    head, before, after = (re.split(r"  +", line.strip()) for line in done.stdout.splitlines())
    assert head == ["% right at a share of", "0%", "25%", "50%", "75%", "100%", "barrier"]
    assert (before[0], after[0]) == ("before alignment", "after alignment")
    assert float(before[-1]) >= 0.2
    assert float(after[-1]) <= 0.1 * float(before[-1])
    assert (before[1], before[5]) == (after[1], after[5])  # the networks at the ends are the same
    assert float(after[3]) > float(before[3])
    drawn = curves(picture.read_text())
    # Accuracy, then loss; each before and after alignment. The y axis of a picture points down.
    middles = [curve[12][1] for curve in drawn]
    assert middles[0] > middles[1]
    assert middles[2] < middles[3]


def test_the_readme_shows_a_picture_that_the_script_drew() -> None:
    assert f"({PICTURE.as_posix()})" in (ROOT / "README.md").read_text()
    drawn = curves((ROOT / PICTURE).read_text())
    assert [len(curve) for curve in drawn] == [25] * 4
    assert "prefers-color-scheme: dark" in (ROOT / PICTURE).read_text()


def test_the_readme_shows_the_recipe(recipe: Path) -> None:
    text = (recipe / "recipe.yaml").read_text()
    assert text[text.index("mergec: 1") :] in (ROOT / "README.md").read_text()


def test_the_recipe_is_the_mean_of_the_first_and_the_reordered_second(recipe: Path) -> None:
    first = load_file(recipe / "weights" / "first.safetensors")
    second, mean = (
        load_file(
            mergec.load(recipe / "recipe.yaml", params={"share": share})
            .build(out=recipe / f"{share}.safetensors")
            .path
        )
        for share in (1, 0.5)
    )
    stored = load_file(recipe / "weights" / "second.safetensors")
    names = {"net.0": "body.layer1", "net.2": "body.layer2", "net.4": "head"}
    for name, tensor in second.items():
        other = stored[f"{names[name[:5]]}.{name[6:]}"]
        assert torch.equal(tensor.flatten().sort().values, other.flatten().sort().values)
        torch.testing.assert_close(mean[name], (first[name] + tensor) / 2, rtol=1e-6, atol=1e-8)
    assert not torch.equal(second["net.2.weight"], stored["body.layer2.weight"])
