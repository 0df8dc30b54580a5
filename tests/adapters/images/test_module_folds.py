"""Modules that a base has fused, divided, or turned around."""

from __future__ import annotations

import numpy as np
import pytest

from mergec.adapters.adapter import Delta
from mergec.adapters.errors import NotFoldable
from mergec.adapters.image_errors import ModuleTwice
from mergec.adapters.images.kohya import Kohya
from tests.adapters.evaluate import Bench, folded_by
from tests.adapters.images.kohya_files import drawn, pair, product

FUSED = "double_blocks.0.img_attn.qkv"
DIVIDED = "lora_unet_transformer_blocks_0_attn_to"


@pytest.mark.parametrize("alphas", [(None, None), (4.0, 4.0), (1.0, 4.0)])
def test_some_of_the_rows_of_a_fused_projection(alphas: tuple[float | None, float | None]) -> None:
    weight = drawn(9, 3)
    q, v = (pair(f"{DIVIDED}_{name}", 3, 3, alpha) for name, alpha in zip("qv", alphas, strict=True))
    folded = folded_by(Kohya(), {f"{FUSED}.weight": weight}, {**v, **q})[f"{FUSED}.weight"]
    np.testing.assert_allclose(folded[:3] - weight[:3], product(q, f"{DIVIDED}_q"))
    np.testing.assert_allclose(folded[6:] - weight[6:], product(v, f"{DIVIDED}_v"))
    assert np.array_equal(folded[3:6], weight[3:6])


def test_one_fold_with_the_common_scale() -> None:
    bench = Bench()
    base = bench.tensors({f"{FUSED}.weight": drawn(9, 3)})
    stored = {**pair(f"{DIVIDED}_q", 3, 3, 4.0), **pair(f"{DIVIDED}_k", 3, 3, 4.0)}
    reading = Kohya().read(bench.adapter(stored, bench.facts()), base)
    (fold,) = reading.folds
    assert isinstance(fold, Delta)
    assert fold.scale == 2.0
    assert set(fold.uses) == stored.keys()


def test_a_fused_module_and_its_bias_on_a_base_that_divides_it() -> None:
    base = {
        f"transformer_blocks.0.attn.to_{part}.{ending}": drawn(*shape, seed=ord(part))
        for part in "qkv"
        for ending, shape in {"weight": (3, 3), "bias": (3,)}.items()
    }
    base["single_transformer_blocks.0.proj_out.weight"] = drawn(3, 3)
    flat = "lora_unet_double_blocks_0_img_attn_qkv"
    stored = {**pair(flat, 9, 3), f"{flat}.diff_b": drawn(9)}
    folded = folded_by(Kohya(), base, stored)
    for start, part in zip((0, 3, 6), "qkv", strict=True):
        for ending, whole in {"weight": product(stored, flat), "bias": stored[f"{flat}.diff_b"]}.items():
            name = f"transformer_blocks.0.attn.to_{part}.{ending}"
            np.testing.assert_allclose(folded[name] - base[name], whole[start : start + 3])


@pytest.mark.parametrize("lengths", [(9, 1), (1, 3)])
def test_dora_across_what_the_base_divides(lengths: tuple[int, int]) -> None:
    """The norms of columns run over all three parts."""
    base = {f"transformer_blocks.0.attn.to_{part}.weight": drawn(3, 3, seed=ord(part)) for part in "qkv"}
    flat = "lora_unet_double_blocks_0_img_attn_qkv"
    stored = {**pair(flat, 9, 3), f"{flat}.dora_scale": np.abs(drawn(*lengths))}
    whole = {f"{FUSED}.weight": np.concatenate(list(base.values()))}
    expected = folded_by(Kohya(), whole, stored)[f"{FUSED}.weight"]
    base["single_transformer_blocks.0.proj_out.weight"] = drawn(3, 3)
    found = folded_by(Kohya(), base, stored)
    np.testing.assert_allclose(np.concatenate([found[name] for name in list(base)[:3]]), expected)


def test_dora_on_rows_of_a_fused_projection() -> None:
    weight, stored = drawn(9, 3), pair(f"{DIVIDED}_k", 3, 3)
    stored[f"{DIVIDED}_k.dora_scale"] = np.abs(drawn(3, 1))
    alone = folded_by(Kohya(), {"transformer_blocks.0.attn.to_k.weight": weight[3:6]}, stored)
    folded = folded_by(Kohya(), {f"{FUSED}.weight": weight}, stored)[f"{FUSED}.weight"]
    np.testing.assert_allclose(folded[3:6], alone["transformer_blocks.0.attn.to_k.weight"])
    assert np.array_equal(folded[[0, 1, 2, 6, 7, 8]], weight[[0, 1, 2, 6, 7, 8]])


def test_exchanged_halves() -> None:
    weight = drawn(6, 3)
    base = {"final_layer.adaLN_modulation.1.weight": weight, f"{FUSED}.weight": drawn(9, 3)}
    stored = pair("lycoris_norm_out_linear", 6, 3)
    folded = folded_by(Kohya(), base, stored)["final_layer.adaLN_modulation.1.weight"]
    made = product(stored, "lycoris_norm_out_linear")
    np.testing.assert_allclose(folded - weight, np.concatenate([made[3:], made[:3]]))


def test_a_rotation_of_what_the_base_divides_is_refused() -> None:
    bench = Bench()
    names = [f"transformer_blocks.0.attn.to_{part}.weight" for part in "qkv"]
    base = bench.tensors(
        {name: drawn(3, 3) for name in [*names, "single_transformer_blocks.0.proj_out.weight"]}
    )
    stored = {"lora_unet_double_blocks_0_img_attn_qkv.oft_blocks": drawn(3, 3, 3)}
    (problem,) = Kohya().read(bench.adapter(stored, bench.facts()), base).problems
    assert isinstance(problem, NotFoldable)


def test_two_modules_for_the_same_rows() -> None:
    bench = Bench()
    base = bench.tensors({f"{FUSED}.weight": drawn(9, 3)})
    stored = {**pair("lora_unet_double_blocks_0_img_attn_qkv", 9, 3), **pair(f"{DIVIDED}_k", 3, 3)}
    (problem,) = Kohya().read(bench.adapter(stored, bench.facts()), base).problems
    assert isinstance(problem, ModuleTwice)
    assert (problem.first, problem.second) == ("lora_unet_double_blocks_0_img_attn_qkv", f"{DIVIDED}_k")


@pytest.mark.parametrize("extra", [{}, {"dora_scale": (4, 1)}, {"dora_scale": (1, 3)}])
def test_a_projection_that_the_base_holds_turned(extra: dict[str, tuple[int, ...]]) -> None:
    """OpenCLIP's, which adapters name as Hugging Face does."""
    flat, root = "lora_te2_text_projection", "conditioner.embedders.1.model."
    stored = pair(flat, 4, 3) | {f"{flat}.{part}": np.abs(drawn(*shape)) for part, shape in extra.items()}
    upright = drawn(4, 3)
    expected = folded_by(Kohya(), {"text_projection.weight": upright}, stored)["text_projection.weight"]
    found = folded_by(Kohya(), {f"{root}text_projection": upright.T.copy()}, stored)
    np.testing.assert_allclose(found[f"{root}text_projection"].T, expected)
