"""Inpainting and pix2pix models merged with plain ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.cli.plan_tensors import summands_of
from tests.methods.oracles import diffusion, likeness
from tests.methods.oracles.diffusion import special_channels

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Array, Workbench

FIRST = "model.diffusion_model.input_blocks.0.0.weight"
OTHER = "model.diffusion_model.out.2.weight"  # 4 channels at its other end
_RNG = np.random.default_rng(0)


def convolution(channels: int) -> Array:
    return _RNG.normal(size=(6, channels, 3, 3)).astype(np.float32)


def model(channels: int) -> dict[str, Array]:
    return {FIRST: convolution(channels), OTHER: _RNG.normal(size=(4, 6, 3, 3)).astype(np.float32)}


MODELS = {"inpaint": model(9), "pix2pix": model(8), "plain": model(4), "style": model(4)}


@pytest.fixture
def models(bench: Workbench) -> Workbench:
    for name, tensors in MODELS.items():
        bench.source(name, tensors)
    return bench


def keys_of(names: tuple[str, ...], **keys: object) -> dict[str, object]:
    return {**dict(zip("abc", names, strict=False)), **keys}


def _interpolated(a: Array, b: Array, *, t: float) -> Array:
    return (1 - t) * a.astype(np.float64) + t * b.astype(np.float64)


def _cosine(a: Array, b: Array, *, alpha: float) -> Array:
    return likeness.cosine_of_tensor(a, b, alpha=alpha, kind="a")


ORACLES: dict[str, tuple[int, Callable[..., Array], dict[str, Any], dict[str, Any]]] = {
    "add_difference": (3, diffusion.add_difference, {"alpha": 0.7}, {}),
    "train_difference": (3, diffusion.train_difference, {"alpha": 0.7}, {}),
    "triple_sum": (3, diffusion.triple_sum, {"alpha": 0.3, "beta": 0.2}, {}),
    "perpendicular": (3, diffusion.perpendicular, {"alpha": 0.7}, {}),
    "extract": (3, diffusion.extract, {"alpha": 0.5, "beta": 0.3}, {}),
    "tensor_sum": (2, diffusion.tensor_sum, {"alpha": 0.5, "beta": 0.25}, {}),
    "cosine_a": (2, _cosine, {"alpha": 0.2}, {"scope": "tensor"}),
}


@pytest.mark.parametrize("special", ["inpaint", "pix2pix"])
@pytest.mark.parametrize("method", ORACLES)
def test_the_channels_that_all_have_are_merged(models: Workbench, method: str, special: str) -> None:
    count, oracle, keys, more = ORACLES[method]
    names = (special, "plain", "style")[:count]
    made = models.build({"op": method, **keys_of(names, **keys, **more)})
    for tensor in (FIRST, OTHER):
        operands = [MODELS[name][tensor] for name in names]
        wanted = special_channels(oracle, *operands, **keys)
        np.testing.assert_allclose(made[tensor].values, wanted, rtol=2e-5, atol=1e-6)
    np.testing.assert_array_equal(made[FIRST].values[:, 4:], MODELS[special][FIRST][:, 4:])


@pytest.mark.parametrize(
    "keys",
    [
        {"op": "interpolate", "from": "inpaint", "to": "plain", "t": 0.25},
        {"op": "linear", "inputs": {"inpaint": 0.75, "plain": 0.25}},
    ],
)
def test_sums_of_weights_too(models: Workbench, keys: dict[str, object]) -> None:
    made = models.build(keys)[FIRST].values
    wanted = special_channels(_interpolated, MODELS["inpaint"][FIRST], MODELS["plain"][FIRST], t=0.25)
    np.testing.assert_allclose(made, wanted, rtol=1e-6, atol=1e-7)


def test_a_survey_of_the_whole_model_sees_what_is_merged(models: Workbench) -> None:
    made = models.build({"op": "cosine_b", "a": "inpaint", "b": "plain", "alpha": 0.2})
    inpaint, plain = MODELS["inpaint"], MODELS["plain"]
    narrow = {**inpaint, FIRST: inpaint[FIRST][:, :4]}
    wanted = likeness.cosine_of_model(narrow, plain, alpha=0.2, kind="b")
    np.testing.assert_allclose(made[FIRST].values[:, :4], wanted[FIRST], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(made[OTHER].values, wanted[OTHER], rtol=2e-5, atol=1e-6)


def test_sixteen_bits_stay_as_they_are(bench: Workbench) -> None:
    inpaint, plain = (MODELS[name][FIRST].astype(np.float16) for name in ("inpaint", "plain"))
    bench.source("inpaint", {FIRST: inpaint})
    bench.source("plain", {FIRST: plain})
    keys = {"op": "interpolate", "from": "inpaint", "to": "plain", "t": 0.5, "arithmetic": "float64"}
    made = bench.build(keys)[FIRST]
    assert made.code == "F16"
    assert made.values[:, 4:].tobytes() == inpaint[:, 4:].tobytes()
    mean = (inpaint[:, :4].astype(np.float64) + plain.astype(np.float64)) / 2
    np.testing.assert_array_equal(made.values[:, :4], mean.astype(np.float16))


def test_the_plan_says_so(models: Workbench) -> None:
    recipe = models.recipe(
        {"op": "triple_sum", **keys_of(("inpaint", "plain", "style"), alpha=0.2, beta=0.2)}
    )
    told = {remark.what: remark.names for remark in recipe.check().checked.remarks}
    assert told == {"merged in the first 4 channels, the others kept from inpaint": (FIRST,)}


def test_the_plan_tells_the_method_alone(models: Workbench) -> None:
    keys = keys_of(("inpaint", "plain", "style"), alpha=0.5)
    checked = models.recipe({"op": "train_difference", **keys}).check().checked
    told = {name: [one.told for one in some] for name, some in summands_of(checked, (FIRST, OTHER)).items()}
    assert told[FIRST] == told[OTHER] == ["train_difference(inpaint; plain; style; alpha 0.5)"]


def test_models_that_all_have_them_are_merged_whole(models: Workbench) -> None:
    models.source("other", {name: -tensor for name, tensor in MODELS["inpaint"].items()})
    keys = {"op": "interpolate", "from": "inpaint", "to": "other", "t": 0.5}
    assert not models.build(keys)[FIRST].values.any()
    assert models.recipe(keys).check().checked.remarks == ()


@pytest.mark.parametrize(
    "names", [("plain", "inpaint", "style"), ("plain", "style", "pix2pix"), ("inpaint", "pix2pix", "plain")]
)
def test_only_the_first_model_may_have_them(models: Workbench, names: tuple[str, ...]) -> None:
    assert models.codes({"op": "add_difference", **keys_of(names)}) == ["MC0387"]


@pytest.mark.parametrize(
    "shapes", [((6, 9, 3, 3), (7, 4, 3, 3)), ((6, 9), (6, 4)), ((6, 12, 3, 3), (6, 4, 3, 3))]
)
def test_other_shapes_that_differ_are_refused(bench: Workbench, shapes: tuple[tuple[int, ...], ...]) -> None:
    for name, shape in zip("ab", shapes, strict=True):
        bench.source(name, {FIRST: np.zeros(shape, np.float32)})
    assert bench.codes({"op": "interpolate", "from": "a", "to": "b", "t": 0.5}) == ["MC0401"]


def test_integers_are_carried_whole(bench: Workbench) -> None:
    integers = np.arange(36, dtype=np.int32).reshape(1, 9, 2, 2)
    bench.source("inpaint", {"codes": integers})
    bench.source("plain", {"codes": integers[:, :4]})
    made = bench.build({"op": "add_difference", **keys_of(("inpaint", "plain", "plain")), "base": "inpaint"})
    np.testing.assert_array_equal(made["codes"].values, integers)


def test_a_delta_of_them_has_its_own_rule(models: Workbench) -> None:
    keys = {"op": "delta", "of": "inpaint", "base": "plain"}
    assert "MC0375" in models.codes(keys, kind="delta")
