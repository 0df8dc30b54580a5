from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.conftest import Raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.conftest import Workbench


def test_parts_of_quantised_weights_go_into_dense_ones(
    mergec_command: Callable[..., Result], bench: Workbench
) -> None:
    tensors: dict[str, Any] = {
        "l.weight": Raw("F8_E4M3", np.zeros((4, 4), np.uint8)),
        "l.weight_scale": np.ones(1, np.float32),
        "l.input_scale": np.ones(1, np.float32),
        "norm": np.ones(4, np.float32),
    }
    bench.source("a", tensors, dequantize=True, rename=["l.{rest} -> up.{rest}"])
    path = bench.recipe("a").path
    shown = mergec_command("inspect", "a", "--recipe", path).stdout.splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [
        ["l.weight", "->", "up.weight"],
        ["l.weight_scale", "->", "up.weight"],
        ["l.input_scale", "left", "out"],
        ["norm", "->", "norm"],
    ]
