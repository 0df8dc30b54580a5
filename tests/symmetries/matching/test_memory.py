"""What solve() takes against what bytes_needed() promises, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergec.ir.matching import Matching
from mergec.symmetries.matching.memory import bytes_needed
from tests.symmetries.matching.topologies import mlp

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20


def measured(kind: str, workers: int, library: str) -> dict[str, int]:
    script = str(Path(__file__).with_name("measure_match.py"))
    command = [sys.executable, script, kind, str(workers), library]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        ("wide", 1),
        ("transformer", 1),
        ("transformer", 2),
        ("queries", 2),
        ("experts", 2),
        ("mean", 1),
        ("candidates", 1),
    ],
)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_no_more_is_used_than_promised(kind: str, workers: int, library: str) -> None:
    found = measured(kind, workers, library)
    assert found["used"] <= found["promised"], found


def test_costs_of_a_large_group_are_never_held() -> None:
    size = 40_000
    assert bytes_needed(Matching(mlp(64, size, 64), 1, 0, 9), 1) < size * size * 8 / 3


def test_each_worker_takes_as_much_again_at_most() -> None:
    matching = Matching(mlp(64, 2000, 2000, 2000, 2000, 64), 1, 0, 9)
    one, two, four = (bytes_needed(matching, workers) for workers in (1, 2, 4))
    assert one < two < 2 * one
    assert two < four < 4 * one
    assert one > 2000 * 2000 * 8
