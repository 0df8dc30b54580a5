"""LoRAs of image models folded at a strength of their own in each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Array, Workbench

# The modules of an adapter by the block they are in, in the two layouts of the base.
ORIGINAL = {
    "IN01": "model.diffusion_model.input_blocks.1.1.proj_in",
    "IN04": "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q",
    "M00": "model.diffusion_model.middle_block.1.proj_out",
    "OUT11": "model.diffusion_model.output_blocks.11.1.proj_in",
}
DIFFUSERS = {
    "IN01": "unet.down_blocks.0.attentions.0.proj_in",
    "IN04": "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    "M00": "unet.mid_block.attentions.0.proj_out",
    "OUT11": "unet.up_blocks.3.attentions.2.proj_in",
}
LBW_17 = "BASE IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11"
STRENGTHS = {"IN01": 0.0, "IN04": 0.25, "M00": -1.0, "OUT11": 1.5}


@pytest.mark.parametrize("modules", [ORIGINAL, DIFFUSERS], ids=["original", "diffusers"])
def test_a_list_of_17(bench: Workbench, modules: dict[str, str]) -> None:
    random = np.random.default_rng(0)

    def drawn(*shape: int) -> Array:
        return random.standard_normal(shape).astype(np.float32)

    base = {f"{module}.weight": drawn(6, 4) for module in modules.values()}
    adapter: dict[str, Array] = {}
    expected: dict[str, Array] = {"other.norm.weight": drawn(4)}
    bench.source("base", base | expected)
    for block, module in modules.items():
        flat = "lora_unet_" + module.removeprefix("model.diffusion_model.").removeprefix("unet.").replace(
            ".", "_"
        )
        up, down = drawn(6, 2), drawn(2, 4)
        adapter |= {f"{flat}.lora_up.weight": up, f"{flat}.lora_down.weight": down}
        adapter[f"{flat}.alpha"] = np.array(1.0, np.float32)
        wide = base[f"{module}.weight"] + STRENGTHS[block] * 0.5 * (up.astype(np.float64) @ down)
        expected[f"{module}.weight"] = wide
    bench.source("style", adapter)
    listed = [STRENGTHS.get(block, 7.0) for block in LBW_17.split()]
    strength = {"blocks": "lbw-sd1", "values": listed}
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": strength}})
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].values, value, rtol=1e-6, atol=1e-6)
