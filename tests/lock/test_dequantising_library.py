from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.lock import dequantising_library
from mergec.lock.compare import compare
from tests.lock.locking import state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the library are not ours


@pytest.fixture
def recipe(bench: Workbench) -> Path:
    """Of a source that bitsandbytes makes dense, and one that needs no library."""
    pytest.importorskip("bitsandbytes")
    bench.source(
        "a",
        {
            "l.weight": np.ones((6, 8), np.int8),
            "l.SCB": np.ones(6, np.float32),
            "l.weight_format": np.zeros((), np.uint8),
            "norm": np.ones(4, np.float32),
        },
        dequantize=True,
    )
    bench.recipe("a", dtype="float32")
    return bench.folder / "recipe.yaml"


def test_the_version_is_in_the_lock(recipe: Path) -> None:
    assert state_of(recipe).tool.libraries == {"bitsandbytes": version("bitsandbytes")}


def test_another_version_is_another_output(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_of(recipe)
    monkeypatch.setattr(dequantising_library, "version", lambda _: "99.0")
    dequantising_library._version.cache_clear()
    now = state_of(recipe)
    dequantising_library._version.cache_clear()
    assert now.tensors.keys != before.tensors.keys
    (one,) = compare(before, now)
    assert one.path == ("tool", "libraries", "bitsandbytes")
    assert one.what == f"bitsandbytes {version('bitsandbytes')} -> 99.0"


def test_what_needs_none_has_none(bench: Workbench) -> None:
    bench.source("a", {"w": np.ones(3, np.float32)})
    bench.recipe("a")
    assert state_of(bench.folder / "recipe.yaml").tool.libraries == {}
