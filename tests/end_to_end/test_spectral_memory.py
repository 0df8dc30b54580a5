"""What decompositions take against what their plans promise, each build in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.conftest import bf16
from tests.end_to_end.test_memory import MIB, measured

if TYPE_CHECKING:
    from tests.conftest import Workbench

SHAPES = {"tall": (2048, 640), "wide": (640, 2048)}
MODELS: dict[str, dict[str, object]] = {
    "extract_lora": {"op": "extract_lora", "of": "a", "base": "b", "rank": 16},
    "truncate": {"op": "truncate", "model": "a", "base": "b", "rank": 16},
    "iso_c": {"op": "iso_c", "base": "b", "inputs": ["a", "c"]},
    "iso_cts": {"op": "iso_cts", "base": "b", "inputs": ["a", "c"]},
    "tsv_m": {"op": "tsv_m", "base": "b", "inputs": ["a", "c"]},
    "knots": {"op": "knots", "base": "b", "inputs": {"a": {"density": 0.5}, "c": {"density": 0.5}}},
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("op", MODELS)
def test_the_promise_is_kept(bench: Workbench, op: str, shape: str, workers: int) -> None:
    """On numbers that are none of zero: a library may leave a part of its work on zeros undone."""
    used = "ab" if op in {"extract_lora", "truncate"} else "abc"
    for at, name in enumerate(used):
        drawn = np.random.default_rng(at).standard_normal((2, *SHAPES[shape])).astype(np.float32)
        bench.source(name, {f"h.{i}.weight": bf16(values) for i, values in enumerate(drawn)})
    found = measured(bench, MODELS[op], "1GiB", workers)
    assert found["used"] <= found["promised"] <= 1024 * MIB, found
    # A promise of many times what is needed would refuse builds that fit.
    assert found["promised"] < 3 * found["used"] + 64 * MIB, found
