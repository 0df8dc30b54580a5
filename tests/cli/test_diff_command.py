from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from tests.conftest import tree, write_checkpoint
from tests.lock.locking import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import Array, Raw


# The cosine of layers.2.w is 156 / (12 * sqrt(172)), that of layers.1.w is 1.
TEXT = """\
A: {}: 6 tensors
B: {}: 7 tensors
Equal: 1 of 8 tensors

Only in A: 1 tensor
  old  [2]  float32

Only in B: 2 tensors
  new.{{0-1}}  2 x [2]  float32

Of other shapes: 1 tensor
  head  [3] -> [4]  float32

Of other dtypes: 1 tensor
                          differ  max abs  rel L2    cosine
  n  [2]  int64 -> int32   0.00%        0       0  1.000000

Of other values: 2 tensors
                                       differ  max abs  rel L2    cosine
  layers.{{1-2}}.w  2 x [4, 4]  float32  62.50%        1     0.5  0.991241
"""


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Three layers, of which two differ; other names, shapes and dtypes."""
    a: dict[str, Array | Raw] = {f"layers.{i}.w": np.full((4, 4), float(i + 1), np.float32) for i in range(3)}
    a |= {"head": np.ones(3, np.float32), "old": np.ones(2, np.float32), "n": np.ones(2, np.int64)}
    b = dict(a)
    del b["old"]
    b |= {"new.0": np.ones(2, np.float32), "new.1": np.ones(2, np.float32)}
    b |= {"head": np.ones(4, np.float32), "n": np.ones(2, np.int32)}
    b["layers.1.w"] = np.full((4, 4), 3.0, np.float32)
    b["layers.2.w"] = np.full((4, 4), 3.0, np.float32) + np.eye(4, dtype=np.float32)
    return write_checkpoint(tmp_path / "a.safetensors", a), write_checkpoint(tmp_path / "b.safetensors", b)


def test_text(mergec_command: Callable[..., Result], pair: tuple[Path, Path]) -> None:
    a, b = pair
    result = mergec_command("diff", a, b)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == TEXT.format(a, b)


def test_measures_in_json(mergec_command: Callable[..., Result], pair: tuple[Path, Path]) -> None:
    found = json.loads(mergec_command("diff", *pair, "--json").stdout)
    assert (found["equal"], found["compared"], found["a"]["tensors"], found["b"]["tensors"]) == (
        False,
        8,
        6,
        7,
    )
    entries = {one["name"]: one for one in found["tensors"]}
    assert {name: one["what"] for name, one in entries.items()} == {
        "layers.1.w": "values",
        "layers.2.w": "values",
        "head": "shape",
        "old": "only_in_a",
        "n": "dtype",
        "new.0": "only_in_b",
        "new.1": "only_in_b",
    }
    one = entries["layers.1.w"]
    assert (one["differing"], one["max_abs"], one["relative_l2"]) == (16, 1.0, 0.5)
    assert one["cosine"] == pytest.approx(1.0, abs=1e-15)
    assert entries["old"]["b"] is None
    assert entries["head"]["a"] == {"dtype": "float32", "shape": [3]}


def test_exit_codes_are_those_of_git(mergec_command: Callable[..., Result], pair: tuple[Path, Path]) -> None:
    a, b = pair
    assert mergec_command("diff", a, a).exit_code == 0
    assert mergec_command("diff", a, a, "--exit-code").exit_code == 0
    assert mergec_command("diff", a, b, "--exit-code").exit_code == 4
    assert mergec_command("diff", a, b, "--exit-code", "--tensor", "layers.0.w").exit_code == 0


def test_workers_do_not_matter(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for name in "ab":
        tensors = {f"l.{i}.w": draw.standard_normal((700, 900)).astype(np.float32) for i in range(3)}
        write_checkpoint(tmp_path / f"{name}.safetensors", tensors)
    command = ("diff", tmp_path / "a.safetensors", tmp_path / "b.safetensors", "--json", "--workers")
    assert len({mergec_command(*command, workers).stdout for workers in (1, 2, 4)}) == 1


def test_a_part(mergec_command: Callable[..., Result], pair: tuple[Path, Path]) -> None:
    result = mergec_command("diff", *pair, "--tensor", "layers.**", "--json")
    assert json.loads(result.stdout)["compared"] == 3
    wrong = mergec_command("diff", *pair, "--tensor", "layer.**")
    assert wrong.exit_code == 2
    assert "matches no tensor" in wrong.stderr


def test_numbers_that_json_lacks(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    zero, nan = np.zeros(2, np.float32), np.array([np.nan, 1], np.float32)
    a = write_checkpoint(tmp_path / "a.safetensors", {"x": zero})
    b = write_checkpoint(tmp_path / "b.safetensors", {"x": nan})
    text = mergec_command("diff", a, b, "--json").stdout
    (found,) = json.loads(text, parse_constant=pytest.fail)["tensors"]
    assert (found["differing"], found["not_finite"], found["max_abs"]) == (2, 1, 1.0)
    assert (found["relative_l2"], found["cosine"]) == (None, None)
    assert "100.00% (1 not finite)" in mergec_command("diff", a, b).stdout


def test_outputs_by_their_digests(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("out.safetensors", "out"))
    one = mergec.load(recipe).build(out=recipe.parent / "one").path
    recipe.write_text(recipe.read_text().replace("0.8]", "0.7]").replace("weight: {", "weight: {"))
    recipe.write_text(recipe.read_text().replace('"**": 0.5', '"**": 0.25'))
    two = mergec.load(recipe).build(out=recipe.parent / "two").path
    read = json.loads(mergec_command("diff", one, two, "--json").stdout)
    told = json.loads(mergec_command("diff", one, two, "--json", "--digests").stdout)
    assert [(t["name"], t["what"]) for t in read["tensors"]] == [
        (t["name"], t["what"]) for t in told["tensors"]
    ]
    assert read["tensors"]
    assert all("max_abs" not in one for one in told["tensors"])
    files = json.loads((two / "mergec.manifest.json").read_text())["files"]
    (two / "mergec.manifest.json").write_text(json.dumps({"format_version": "1.0", "files": files}))
    result = mergec_command("diff", one, two, "--digests")
    assert result.exit_code == 2
    assert "holds no digests" in result.stderr
    assert "MC0881" in mergec_command("diff", one, recipe.parent, "--digests").stderr


def test_locks(mergec_command: Callable[..., Result], recipe: Path) -> None:
    locked(recipe)
    lock = recipe.with_suffix(".lock")
    kept = recipe.parent / "kept" / lock.name
    kept.parent.mkdir()
    kept.write_bytes(lock.read_bytes())
    assert mergec_command("diff", lock, kept, "--exit-code").stdout == f"{lock} and {kept} say the same\n"
    recipe.write_text(recipe.read_text().replace("bfloat16", "float16"))
    locked(recipe)
    before = tree(recipe.parent)
    result = mergec_command("diff", kept, lock, "--exit-code")
    assert (result.exit_code, result.stderr) == (4, "")
    line = "  recipe: output.dtype.head.**: `bfloat16` -> `float16`"
    assert result.stdout == f"A: {kept}\nB: {lock}\n\nRecipe\n{line}\n"
    found = json.loads(mergec_command("diff", kept, lock, "--json").stdout)
    assert (found["equal"], found["differences"]) == (False, {"recipe": [line.strip()]})
    assert tree(recipe.parent) == before


@pytest.mark.parametrize("ends", [True, False])
def test_a_lock_is_known_under_any_name(
    mergec_command: Callable[..., Result],
    recipe: Path,
    ends: bool,  # noqa: FBT001
) -> None:
    """Such as one that `git show` wrote somewhere."""
    locked(recipe)
    lock = recipe.with_suffix(".lock")
    before, now = recipe.parent / "before", recipe.parent / "now"
    for path in (before, now):
        path.write_bytes(lock.read_bytes())
    result = mergec_command("diff", before, lock if ends else now)
    assert result.stdout.endswith("say the same\n")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["a.lock", "a.safetensors"], 2, "a lock can be compared with another lock only"),
        (["a.lock", "b.lock", "--digests"], 2, "are for checkpoints"),
        (["a.lock", "b.lock"], 3, "MC0850"),
        (["nowhere", "nowhere"], 5, "MC0201"),
        (["one"], 2, "Missing argument 'B'"),
    ],
)
def test_what_cannot_be_compared(
    mergec_command: Callable[..., Result], arguments: list[str], code: int, told: str
) -> None:
    result = mergec_command("diff", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
