"""Every form of kohya-ss and LyCORIS built from files; the formulas are tested beside the dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.adapters.images.kohya import Kohya
from tests.adapters.evaluate import folded_by
from tests.adapters.images.kohya_files import FLAT, TARGET, drawn, scalar

if TYPE_CHECKING:
    from tests.adapters.images.kohya_files import Array
    from tests.conftest import Workbench

KERNEL = (64, 32, 3, 3)
UP, DOWN = drawn(64, 4, 1, 1), drawn(4, 32, 3, 3)
LORA = {"lora_up.weight": UP, "lora_down.weight": DOWN, "alpha": scalar(2)}
CORE = {
    "lora_up.weight": UP,
    "lora_mid.weight": drawn(4, 4, 3, 3),
    "lora_down.weight": drawn(4, 32, 1, 1),
    "dora_scale": np.abs(drawn(1, 32, 1, 1)),
}
LOHA = {
    f"hada_w{n}_{side}": drawn(*shape) for n in "12" for side, shape in {"a": (64, 4), "b": (4, 288)}.items()
}
LOHA_CORES = {
    **{f"hada_w{n}_{side}": drawn(4, size) for n in "12" for side, size in {"a": 64, "b": 32}.items()},
    **{f"hada_t{n}": drawn(4, 4, 3, 3) for n in "12"},
}
FORMS: dict[str, tuple[tuple[int, ...], dict[str, Array]]] = {
    "LoRA": ((64, 48), {"lora_up.weight": drawn(64, 4), "lora_down.weight": drawn(4, 48)}),
    "LoCon": (KERNEL, LORA),
    "LoCon, DoRA by row": (KERNEL, {**LORA, "dora_scale": np.abs(drawn(64, 1, 1, 1))}),
    "LoCon with a core, DoRA by column": (KERNEL, CORE),
    "LoHa": (KERNEL, LOHA),
    "LoHa with cores": (KERNEL, LOHA_CORES),
    "LoKr": ((64, 48), {"lokr_w1": drawn(8, 6), "lokr_w2": drawn(8, 8)}),
    "LoKr of products": (
        KERNEL,
        {
            "lokr_w1_a": drawn(8, 2),
            "lokr_w1_b": drawn(2, 4),
            "lokr_w2_a": drawn(2, 8),
            "lokr_w2_b": drawn(2, 8),
            "lokr_t2": drawn(2, 2, 3, 3),
            "dora_scale": np.abs(drawn(64, 1, 1, 1)),
        },
    ),
    "GLoRA": (
        KERNEL,
        {
            "a1.weight": drawn(32, 4, 1, 1),
            "a2.weight": drawn(4, 32, 1, 1),
            "b1.weight": UP,
            "b2.weight": DOWN,
        },
    ),
    "full": (KERNEL, {"diff": drawn(*KERNEL)}),
    "norm": ((64,), {"w_norm": drawn(64)}),
    "IA3 by row": ((64, 48), {"weight": drawn(64), "on_input": np.array(0)}),
    "IA3 by column": (KERNEL, {"weight": drawn(1, 32, 1, 1), "on_input": np.array(1)}),
    "OFT": (KERNEL, {"oft_blocks": drawn(8, 8, 8), "rescale": drawn(64, 1, 1, 1)}),
    "OFT, bounded": ((64, 48), {"oft_blocks": drawn(8, 8, 8), "alpha": scalar(0.01)}),
    "BOFT": (KERNEL, {"oft_blocks": drawn(4, 8, 8, 8)}),
}


@pytest.mark.parametrize("strength", [1.0, -0.5])
@pytest.mark.parametrize("form", FORMS)
def test_the_build_is_the_fold_in_float32(bench: Workbench, form: str, strength: float) -> None:
    shape, parts = FORMS[form]
    base = {TARGET: drawn(*shape, seed=9).astype(np.float32)}
    parts = {
        name: value * np.float32(0.3) if name == "oft_blocks" else value for name, value in parts.items()
    }
    stored = {
        f"{FLAT}.{part}": value if value.dtype.kind == "i" else value.astype(np.float32)
        for part, value in parts.items()
    }
    bench.source("base", base)
    bench.source("style", stored)
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": strength}})[TARGET].values
    before = base[TARGET].astype(np.float64)
    expected = before + strength * (folded_by(Kohya(), base, stored)[TARGET] - before)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
