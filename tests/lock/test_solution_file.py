from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from mergec.ir.matching import Matching
from mergec.ir.symmetry import Group, Symmetry
from mergec.lock.solution_file import read_solution, solution_bytes
from mergec.symmetries.matching.solution import GroupGain, ModelMatch, Solution

MATCHING = Matching(Symmetry((Group("u", 3), Group("v", 2)), ()), 2, 7, 4)
ACCOUNT = ModelMatch(
    0.1, 1 / 3, 2.5e300, (0.1, 0.2, 1 / 3), (GroupGain(1, 0.0, 0.25, 1.0, is_identity=False),)
)


def solution(*vectors: list[int]) -> Solution:
    return Solution(tuple(np.array(vector, np.int32) for vector in vectors), (ACCOUNT,) * len(vectors))


SOUND = solution([2, 0, 1, 1, 0], [0, 1, 2, 0, 1])
WRITTEN = json.loads(solution_bytes("key", SOUND).split(b"\n")[0])["models"][0]


def test_it_is_read_as_it_was_written() -> None:
    found = read_solution(solution_bytes("key", SOUND), "key", MATCHING)
    assert found is not None
    assert found.models == SOUND.models
    assert all(map(np.array_equal, found.elements, SOUND.elements))
    assert [vector.dtype for vector in found.elements] == [np.int32] * 2


@pytest.mark.parametrize(
    "other",
    [
        solution([2, 0, 1, 1, 0]),
        solution([2, 0, 1, 1, 1], [0, 1, 2, 0, 1]),
        solution([2, 0, 3, 1, 0], [0, 1, 2, 0, 1]),
        solution([2, 0, -1, 1, 0], [0, 1, 2, 0, 1]),
        Solution(SOUND.elements, (ACCOUNT,)),
    ],
)
def test_what_the_matching_cannot_come_to_is_not_there(other: Solution) -> None:
    assert read_solution(solution_bytes("key", other), "key", MATCHING) is None


def test_nor_is_that_of_another_key() -> None:
    assert read_solution(solution_bytes("key", SOUND), "other", MATCHING) is None


@pytest.mark.parametrize(
    "edits",
    [
        {"format": 2},
        {"models": []},
        {"models": 3},
        {"models": [{}] * 2},
        {"models": [{**WRITTEN, "gains": [[9, 0, 0, 0, 0]]}] * 2},
        {"models": [{**WRITTEN, "norm": "much"}] * 2},
    ],
)
def test_other_forms_are_not_there(edits: dict[str, Any]) -> None:
    line, _, rest = solution_bytes("key", SOUND).partition(b"\n")
    content = json.dumps({**json.loads(line), **edits}).encode() + b"\n" + rest[:-32]
    assert read_solution(content + blake3(content).digest(), "key", MATCHING) is None


@pytest.mark.parametrize(
    "content", [b"", b"x" * 31, b"x" * 40, blake3(b"").digest(), b"[]\n" + blake3(b"[]\n").digest()]
)
def test_anything_else_is_not_there(content: bytes) -> None:
    assert read_solution(content, "key", MATCHING) is None
