"""What a match has found, as the bytes of a file that only this machine reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.matching import Matching
    from mergec.symmetries.matching.solution import ModelMatch, Solution

_FORMAT = 1
_DIGEST = 32


def solution_bytes(key: str, solution: Solution) -> bytes:
    """A line of JSON with the accounts, the vectors as little-endian int32, and the digest of both."""
    head = {
        "format": _FORMAT,
        "key": key,
        "models": [
            {
                "identity": one.identity,
                "objective": one.objective,
                "norm": one.norm,
                "sweeps": list(one.sweeps),
                "gains": [list(gain) for gain in one.gains],
            }
            for one in solution.models
        ],
    }
    vectors = (vector.astype("<i4").tobytes() for vector in solution.elements)
    content = b"".join((json.dumps(head).encode(), b"\n", *vectors))
    return content + blake3(content).digest()


def read_solution(content: bytes, key: str, matching: Matching) -> Solution | None:
    """The solution in a file, if it is whole, of this key, and one that the matching may come to."""
    import numpy as np  # only where something is matched

    from mergec.symmetries.element import is_element
    from mergec.symmetries.matching.solution import Solution

    body, digest = content[:-_DIGEST], content[-_DIGEST:]
    if blake3(body).digest() != digest:
        return None
    line, _, data = body.partition(b"\n")
    try:
        head = json.loads(line)
        if (head["format"], head["key"]) != (_FORMAT, key):
            return None
        vectors = np.frombuffer(data, "<i4").reshape(matching.models, matching.symmetry.length)
        models = tuple(map(_model, head["models"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    elements = tuple(vector.astype(np.int32) for vector in vectors)
    is_sound = len(models) == matching.models and all(is_element(matching.symmetry, one) for one in elements)
    groups = len(matching.symmetry.groups)
    if not is_sound or any(not 0 <= gain.group < groups for one in models for gain in one.gains):
        return None
    return Solution(elements, models)


def _model(one: Mapping[str, Any]) -> ModelMatch:
    from mergec.symmetries.matching.solution import GroupGain, ModelMatch

    numbers = (float(one["identity"]), float(one["objective"]), float(one["norm"]))
    gains = (
        GroupGain(int(group), float(identity), float(found), float(norm), bool(is_identity))
        for group, identity, found, norm, is_identity in one["gains"]
    )
    return ModelMatch(*numbers, tuple(map(float, one["sweeps"])), tuple(gains))
