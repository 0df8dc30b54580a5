from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.cli.aligned import RECIPE, write_aligned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def section(text: str) -> list[str]:
    lines = text.splitlines()
    start = lines.index("Permutations") + 1
    return [
        re.sub(r"[0-9.]+ MiB of memory", "SIZE of memory", one)
        for one in lines[start : lines.index("", start)]
    ]


def test_what_is_matched(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    result = mergec_command("plan", write_aligned(tmp_path), "--workers", "1")
    assert section(result.stdout) == [
        "  b to a  2 groups; 1.06 KiB to compare, at most SIZE of memory, 1 worker",
        "    {0,2}/units  2 groups  of 8 units",
        "  c to a  2 groups; 1.06 KiB to compare, at most SIZE of memory, 1 worker",
        "    {0,2}/units  2 groups  of 8 units",
    ]


def test_several_models_at_once(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    text = RECIPE.replace("symmetry: mlp", "symmetry: mlp, together: [b, c], refine: true, freeze: [0/units]")
    result = mergec_command(
        "plan",
        write_aligned(tmp_path, text.replace(", save_permutations: c_perms.safetensors", "")),
        "--workers",
        "1",
    )
    head, *rows = section(result.stdout)
    assert head.startswith("  b, c to a  1 group, then each to the mean of the others; 1.59 KiB to compare")
    assert rows == ["    2/units  1 group  of 8 units", "    and 1 that are frozen"]


@pytest.fixture
def given(tmp_path: Path) -> Path:
    order = np.arange(8, dtype=np.int32)
    save_file({"0/units": order, "2/units": order}, tmp_path / "p.safetensors")
    text = RECIPE.replace("symmetry: mlp}", "symmetry: mlp, permutations: p.safetensors}")
    return write_aligned(tmp_path, text)


def test_permutations_of_a_file(mergec_command: Callable[..., Result], given: Path) -> None:
    text = section(mergec_command("plan", given).stdout)
    assert text[2:] == [
        "  b to a  2 groups, permutations from p.safetensors",
        "    {0,2}/units  2 groups  of 8 units",
    ]


def test_nothing_is_said_where_nothing_is_permuted(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    assert "Permutations" not in mergec_command("plan", recipe).stdout
    assert json.loads(mergec_command("plan", recipe, "--json").stdout)["matches"] == []


def test_json(mergec_command: Callable[..., Result], given: Path) -> None:
    sought, read = json.loads(mergec_command("plan", given, "--json", "--workers", "1").stdout)["matches"]
    groups = [{"pattern": "{0,2}/units", "groups": 2, "size": 8, "members": 1}]
    task = sought.pop("task")
    assert sought == {"models": ["c"], "anchor": "a", "groups": groups, "frozen": 0, "given": None}
    assert task.pop("memory") > task["bytes"] > 1000
    assert task == {
        "bytes": 1088,
        "workers": 1,
        "refine": False,
        "seed": 0,
        "max_sweeps": 100,
        "saved": [str(given.parent / "c_perms.safetensors")],
    }
    assert read == {
        "models": ["b"],
        "anchor": "a",
        "groups": groups,
        "frozen": 0,
        "given": "p.safetensors",
        "task": None,
    }
