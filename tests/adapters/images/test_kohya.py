from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.adapters.errors import AdapterMisfit, BadFactor, BadScale, IncompletePair, NotFoldable
from mergec.adapters.image_errors import AmbiguousModule, AnotherFamily, FactorsDiffer, ModuleTwice
from mergec.adapters.images.kohya import Kohya
from tests.adapters.evaluate import Bench
from tests.adapters.images.kohya_files import BIAS, FLAT, TARGET, drawn, pair, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.adapters.adapter import Reading
    from mergec.diagnostics import Diagnostic
    from tests.adapters.images.kohya_files import Array

BASE = {TARGET: drawn(6, 5)}


def read(stored: Mapping[str, Array], base: Mapping[str, Array] = BASE, **metadata: str) -> Reading:
    bench = Bench()
    said = {name.replace("__", "."): text for name, text in metadata.items()}
    reading = Kohya().read(bench.adapter(stored, bench.facts(metadata=said)), bench.tensors(base))
    assert not bench.graph.mismatches, "shapes are judged before nodes are made"
    return reading


def parts(**tensors: Array) -> dict[str, Array]:
    return {f"{FLAT}.{name.replace('__', '.')}": value for name, value in tensors.items()}


UP, DOWN = drawn(6, 2), drawn(2, 5)


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (parts(lora_up__weight=UP), IncompletePair),
        (parts(lora_down__weight=DOWN), IncompletePair),
        (parts(hada_w1_a=UP, hada_w1_b=DOWN, hada_w2_a=UP), IncompletePair),
        (parts(lokr_w1=drawn(2, 5)), IncompletePair),
        (parts(on_input=np.array(0)), IncompletePair),
        (parts(a1__weight=drawn(5, 2)), IncompletePair),
        (parts(lora_up__0__weight=drawn(3, 2)), IncompletePair),
        (parts(lora_up__weight=drawn(12), lora_down__weight=DOWN), BadFactor),
        (parts(lora_up__weight=UP, lora_down__weight=np.zeros((0, 5))), BadFactor),
        (parts(lora_up__weight=UP, lora_down__weight=drawn(3, 5)), FactorsDiffer),
        (parts(lora_up__weight=drawn(6, 2, 3, 3), lora_down__weight=DOWN), FactorsDiffer),
        (
            parts(lora_up__weight=UP, lora_mid__weight=drawn(3, 2, 3, 3), lora_down__weight=DOWN),
            FactorsDiffer,
        ),
        (parts(hada_w1_a=UP, hada_w1_b=DOWN, hada_w2_a=drawn(5, 2), hada_w2_b=DOWN), FactorsDiffer),
        (parts(lokr_w1=drawn(2, 1), lokr_w2_a=drawn(3, 2), lokr_w2_b=drawn(3, 5)), FactorsDiffer),
        (parts(lokr_w1=drawn(2, 1, 1, 1), lokr_w2=drawn(3, 5)), FactorsDiffer),
        (parts(oft_blocks=drawn(2, 3, 4)), FactorsDiffer),
        (parts(oft_blocks=drawn(6, 1)), FactorsDiffer),
        (parts(oft_blocks=drawn(1, 2, 3, 3)), FactorsDiffer),
        (parts(lora_up__weight=UP, lora_down__weight=drawn(2, 7)), AdapterMisfit),
        (parts(lora_up__weight=drawn(7, 2), lora_down__weight=DOWN), AdapterMisfit),
        (parts(lora_up__weight=UP, lora_down__weight=drawn(2, 5, 3, 3)), AdapterMisfit),
        (parts(lokr_w1=drawn(2, 2), lokr_w2=drawn(3, 2)), AdapterMisfit),
        (parts(diff=drawn(5, 6)), AdapterMisfit),
        (parts(oft_blocks=drawn(2, 4, 4)), AdapterMisfit),
        (parts(oft_blocks=drawn(3, 3, 2, 2)), AdapterMisfit),
        (parts(oft_blocks=drawn(2, 3, 3), rescale=drawn(5, 1)), AdapterMisfit),
        (parts(weight=drawn(7), on_input=np.array(1)), AdapterMisfit),
        (
            parts(a1__weight=drawn(4, 2), a2__weight=DOWN, b1__weight=UP, b2__weight=DOWN),
            AdapterMisfit,
        ),
        (parts(lora_up__weight=UP, lora_down__weight=DOWN, dora_scale=drawn(4, 1)), AdapterMisfit),
        (parts(lora_up__weight=UP, lora_down__weight=DOWN, alpha=scalar(np.nan)), BadScale),
        (parts(lora_up__weight=UP, lora_down__weight=DOWN, alpha=scalar(np.inf)), BadScale),
        (parts(lora_up__weight=UP, lora_down__weight=DOWN, alpha=drawn(2)), BadScale),
        (parts(q_layer__weight=DOWN, p_layer__weight=UP, lambda_layer=drawn(1, 2)), NotFoldable),
    ],
)
def test_modules_that_cannot_be_folded(stored: dict[str, Array], kind: type[Diagnostic]) -> None:
    reading = read(stored)
    assert [type(problem) for problem in reading.problems] == [kind]
    assert reading.folds == []


def test_a_bias_that_the_base_does_not_have() -> None:
    reading = read({**pair(FLAT, 6, 5), f"{FLAT}.diff_b": drawn(6)})
    assert reading.unmatched == {f"{FLAT}.diff_b": BIAS}
    assert [fold.target for fold in reading.folds] == [TARGET]


@pytest.mark.parametrize(
    "stored",
    [
        pair(FLAT, 6, 5),
        parts(diff=drawn(6), dora_scale=drawn(6)),
        parts(hada_w1_a=UP, hada_w1_b=DOWN, hada_w2_a=UP, hada_w2_b=DOWN),
        parts(lokr_w1=drawn(2, 5), lokr_w2_a=drawn(3, 2), lokr_w2_b=drawn(2, 1)),
        parts(a1__weight=drawn(5, 2), a2__weight=DOWN, b1__weight=UP, b2__weight=DOWN),
        parts(weight=drawn(7), on_input=np.array(1)),
        parts(oft_blocks=drawn(2, 4, 4)),
    ],
    ids=["LoRA", "DoRA", "LoHa", "LoKr", "GLoRA", "IA3", "OFT"],
)
def test_targets_that_are_no_matrices(stored: dict[str, Array]) -> None:
    (problem,) = read(stored, {TARGET: np.zeros(6)}).problems
    assert isinstance(problem, AdapterMisfit)


@pytest.mark.parametrize("shape", [(), (0, 5), (6, 5, 0, 0)])
def test_tensors_without_rows_are_no_targets(shape: tuple[int, ...]) -> None:
    stored = pair(FLAT, 6, 5)
    assert read(stored, {TARGET: np.zeros(shape)}).unmatched.keys() == stored.keys()


def test_a_bias_of_another_size() -> None:
    (problem,) = read({f"{FLAT}.diff_b": drawn(5)}, {**BASE, BIAS: drawn(6)}).problems
    assert isinstance(problem, AdapterMisfit)


def test_modules_that_the_base_does_not_have() -> None:
    reading = read({**pair("lora_unet_y", 6, 5), **pair(FLAT, 6, 5)})
    assert set(reading.unmatched) == set(pair("lora_unet_y", 6, 5))
    assert set(reading.unmatched.values()) == {"lora_unet_y"}


def test_tensors_of_no_known_kind_are_left_over() -> None:
    stored = {**pair(FLAT, 6, 5), f"{FLAT}.lokr_t1": drawn(2, 2), "bundle_emb.cat": drawn(4)}
    reading = read(stored)
    used = {name for fold in reading.folds for name in fold.uses}
    assert stored.keys() - used - reading.unmatched.keys() == {f"{FLAT}.lokr_t1", "bundle_emb.cat"}


def test_a_flat_name_that_can_mean_two_modules() -> None:
    base = {"a.b_c.weight": drawn(6, 5), "a_b.c.weight": drawn(6, 5), **BASE}
    (problem,) = read(pair("lora_unet_a_b_c", 6, 5), base).problems
    assert isinstance(problem, AmbiguousModule)
    assert all(name in "".join(problem.notes) for name in ("a.b_c.weight", "a_b.c.weight"))
    assert read(pair(FLAT, 6, 5), base).problems == [], "what the adapter does not use does no harm"


def test_two_text_encoders_and_a_base_that_is_one() -> None:
    names = [f"lora_te{number}_text_model_encoder_layers_0_mlp_fc1" for number in (1, 2)]
    base = {"text_model.encoder.layers.0.mlp.fc1.weight": drawn(6, 5)}
    (problem,) = read({**pair(names[0], 6, 5), **pair(names[1], 6, 5)}, base).problems
    assert isinstance(problem, ModuleTwice)
    assert [problem.first, problem.second] == names


SD1_BASE = {
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": drawn(4, 768),
    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": drawn(4, 768),
}
FLUX_BASE = {"double_blocks.0.img_attn.qkv.weight": drawn(9, 3)}


@pytest.mark.parametrize(
    ("flat", "columns", "base", "metadata", "families"),
    [
        ("lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_k", 2048, SD1_BASE, {}, ("SDXL", "SD 1")),
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", 2048, SD1_BASE, {}, ("SDXL", "SD 1")),
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", 1024, SD1_BASE, {}, ("SD 2", "SD 1")),
        ("lora_unet_joint_blocks_0_x_block_attn_qkv", 3, FLUX_BASE, {}, ("SD 3", "Flux")),
        ("lora_te1_x", 3, FLUX_BASE, {"ss_base_model_version": "sdxl_base_v1-0"}, ("SDXL", "Flux")),
        (
            "lora_unet_y",
            3,
            SD1_BASE,
            {"modelspec__architecture": "flux-1-dev/lora"},
            ("Flux", "SD 1"),
        ),
    ],
)
def test_an_adapter_for_another_family(
    flat: str,
    columns: int,
    base: dict[str, Array],
    metadata: dict[str, str],
    families: tuple[str, str],
) -> None:
    (problem,) = read(pair(flat, 4, columns), base, **metadata).problems
    assert isinstance(problem, AnotherFamily)
    assert (problem.made_for, problem.found) == families


def test_what_the_header_says_is_no_mistake_where_all_fits() -> None:
    reading = read(pair(FLAT, 6, 5), BASE, ss_base_model_version="flux")
    assert reading.problems == []
