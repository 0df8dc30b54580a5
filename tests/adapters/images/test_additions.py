"""Additive forms against the same formulas in numpy, written from the definitions with einsum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.adapters.images.kohya import Kohya
from tests.adapters.evaluate import folded_by
from tests.adapters.images.kohya_files import BIAS, FLAT, TARGET, drawn, scalar

if TYPE_CHECKING:
    from tests.adapters.images.kohya_files import Array


def change(weight: Array, parts: dict[str, Array], bias: Array | None = None) -> Array:
    """What the fold adds to the weight."""
    base = {TARGET: weight, **({BIAS: bias} if bias is not None else {})}
    folded = folded_by(Kohya(), base, {f"{FLAT}.{part}": value for part, value in parts.items()})
    return folded[TARGET] - weight if TARGET in folded else np.zeros_like(weight)


@pytest.mark.parametrize(("alpha", "scale"), [(None, 1.0), (0.0, 1.0), (2.0, 0.5), (16.0, 4.0), (-4.0, -1.0)])
def test_alpha(alpha: float | None, scale: float) -> None:
    up, down = drawn(6, 4), drawn(4, 5)
    stored = {"lora_up.weight": up, "lora_down.weight": down}
    if alpha is not None:
        stored["alpha"] = scalar(alpha)
    np.testing.assert_allclose(change(drawn(6, 5), stored), scale * up @ down)


def test_alpha_may_be_a_vector_of_one_number() -> None:
    up, down = drawn(6, 4), drawn(4, 5)
    stored = {"lora_up.weight": up, "lora_down.weight": down, "alpha": np.array([2], np.int64)}
    np.testing.assert_allclose(change(drawn(6, 5), stored), 0.5 * up @ down)


@pytest.mark.parametrize(
    ("weight", "up", "down"),
    [
        ((6, 5), (6, 4), (4, 5)),
        ((6, 5), (6, 4, 1, 1), (4, 5, 1, 1)),
        ((6, 5, 1, 1), (6, 4), (4, 5)),
        ((6, 5, 1, 1), (6, 4, 1, 1), (4, 5, 1, 1)),
        ((6, 5, 3, 3), (6, 4, 1, 1), (4, 5, 3, 3)),
        ((6, 5, 3), (6, 4, 1), (4, 5, 3)),
    ],
)
def test_lora(weight: tuple[int, ...], up: tuple[int, ...], down: tuple[int, ...]) -> None:
    left, right = drawn(*up), drawn(*down)
    expected = np.einsum("or,ri->oi", left.reshape(6, 4), right.reshape(4, -1)).reshape(weight)
    stored = {"lora_up.weight": left, "lora_down.weight": right}
    np.testing.assert_allclose(change(drawn(*weight), stored), expected)


def test_a_core_between_the_factors() -> None:
    up, mid, down = drawn(6, 4, 1, 1), drawn(4, 4, 3, 2), drawn(4, 5, 1, 1)
    expected = np.einsum("om,mnkl,ni->oikl", up[..., 0, 0], mid, down[..., 0, 0])
    stored = {"lora_up.weight": up, "lora_mid.weight": mid, "lora_down.weight": down, "alpha": scalar(2)}
    np.testing.assert_allclose(change(drawn(6, 5, 3, 2), stored), 0.5 * expected)


def test_pairs_for_the_parts_of_a_fused_projection() -> None:
    ups, downs = [drawn(rows, 4) for rows in (2, 3, 2)], [drawn(4, 5, seed=n) for n in range(3)]
    stored = {f"lora_up.{n}.weight": up for n, up in enumerate(ups)}
    stored |= {f"lora_down.{n}.weight": down for n, down in enumerate(downs)}
    expected = np.concatenate([up @ down for up, down in zip(ups, downs, strict=True)])
    np.testing.assert_allclose(change(drawn(7, 5), {**stored, "alpha": scalar(1)}), 0.25 * expected)


def test_loha() -> None:
    a, b, c, d = drawn(6, 4), drawn(4, 45), drawn(6, 4, seed=1), drawn(4, 45, seed=1)
    stored = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": scalar(2)}
    expected = 0.5 * ((a @ b) * (c @ d)).reshape(6, 5, 3, 3)
    np.testing.assert_allclose(change(drawn(6, 5, 3, 3), stored), expected)


def test_loha_with_cores() -> None:
    a, b, c, d = drawn(4, 6), drawn(4, 5), drawn(4, 6, seed=1), drawn(4, 5, seed=1)
    t, u = drawn(4, 4, 3, 3), drawn(4, 4, 3, 3, seed=1)
    stored = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "hada_t1": t, "hada_t2": u}
    product = "ijkl,io,jp->opkl"
    expected = np.einsum(product, t, a, b) * np.einsum(product, u, c, d)
    np.testing.assert_allclose(change(drawn(6, 5, 3, 3), stored), expected)


W1 = {"lokr_w1": drawn(2, 3)}
W1_PAIR = {"lokr_w1_a": drawn(2, 4), "lokr_w1_b": drawn(4, 3)}
W2 = {"lokr_w2": drawn(3, 2)}
W2_PAIR = {"lokr_w2_a": drawn(3, 4), "lokr_w2_b": drawn(4, 2)}


@pytest.mark.parametrize(
    ("first", "second", "scale"),
    [(W1, W2, 1.0), (W1, W2_PAIR, 0.5), (W1_PAIR, W2, 0.5), (W1_PAIR, W2_PAIR, 0.5)],
)
def test_lokr(first: dict[str, Array], second: dict[str, Array], scale: float) -> None:
    """Alpha counts only where one of the two is a product."""
    left = first.get("lokr_w1", W1_PAIR["lokr_w1_a"] @ W1_PAIR["lokr_w1_b"])
    right = second.get("lokr_w2", W2_PAIR["lokr_w2_a"] @ W2_PAIR["lokr_w2_b"])
    stored = {**first, **second, "alpha": scalar(2)}
    np.testing.assert_allclose(change(drawn(6, 6), stored), scale * np.kron(left, right))


def test_lokr_of_a_convolution() -> None:
    kernels, pair = drawn(3, 2, 3, 3), (drawn(3, 4), drawn(4, 18))
    core, a, b = drawn(4, 4, 3, 3), drawn(4, 3), drawn(4, 2)
    for second, right in (
        ({"lokr_w2": kernels}, kernels),
        ({"lokr_w2_a": pair[0], "lokr_w2_b": pair[1]}, (pair[0] @ pair[1]).reshape(3, 2, 3, 3)),
        ({"lokr_w2_a": a, "lokr_w2_b": b, "lokr_t2": core}, np.einsum("ijkl,ic,jd->cdkl", core, a, b)),
    ):
        expected = np.einsum("ab,cdkl->acbdkl", W1["lokr_w1"], right).reshape(6, 6, 3, 3)
        np.testing.assert_allclose(change(drawn(6, 6, 3, 3), {**W1, **second}), expected)


def test_glora() -> None:
    weight = drawn(6, 5)
    a1, a2, b1, b2 = drawn(5, 4), drawn(4, 5), drawn(6, 4), drawn(4, 5, seed=1)
    stored = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2, "alpha": scalar(2)}
    np.testing.assert_allclose(change(weight, stored), 0.5 * (b1 @ b2 + weight @ a1 @ a2))


def test_whole_differences() -> None:
    difference, of_bias = drawn(6, 5), drawn(6)
    weight, bias = drawn(6, 5, seed=1), drawn(6, seed=1)
    base = {TARGET: weight, BIAS: bias, "mid_block.n.weight": bias, "mid_block.n.bias": bias}
    stored = {f"{FLAT}.diff": difference, f"{FLAT}.diff_b": of_bias, f"{FLAT}.alpha": scalar(3)}
    stored |= {"lora_unet_mid_block_n.w_norm": of_bias, "lora_unet_mid_block_n.b_norm": 2 * of_bias}
    folded = folded_by(Kohya(), base, stored)
    np.testing.assert_allclose(folded[TARGET], weight + difference)
    np.testing.assert_allclose(folded[BIAS], bias + of_bias)
    np.testing.assert_allclose(folded["mid_block.n.weight"], bias + of_bias)
    np.testing.assert_allclose(folded["mid_block.n.bias"], bias + 2 * of_bias)


def test_a_bias_beside_factors() -> None:
    up, down, of_bias = drawn(6, 4), drawn(4, 5), drawn(6)
    base = {TARGET: drawn(6, 5), BIAS: drawn(6)}
    stored = {f"{FLAT}.lora_up.weight": up, f"{FLAT}.lora_down.weight": down, f"{FLAT}.diff_b": of_bias}
    folded = folded_by(Kohya(), base, stored)
    np.testing.assert_allclose(folded[TARGET] - base[TARGET], up @ down)
    np.testing.assert_allclose(folded[BIAS] - base[BIAS], of_bias)
