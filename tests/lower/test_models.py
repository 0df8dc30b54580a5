"""Which models are made, in which order, and what is said about names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.conftest import read_checkpoint

if TYPE_CHECKING:
    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    bench.source("a", {"w": W})
    bench.source("b", {"w": W + 1})


def warnings(bench: Workbench, models: object) -> list[str]:
    recipe = bench.recipe(models)
    recipe.check()
    return [warning.code for warning in recipe.warnings]


def test_models_may_be_written_in_any_order(bench: Workbench) -> None:
    models = {
        "x": "0.5 * y + 0.5 * a",
        "y": "0.5 * z + 0.5 * b",
        "z": "0.5 * a + 0.5 * b",
        "merged": "0.5 * x + 0.5 * a",
    }
    assert set(bench.build(models)) == {"w"}


@pytest.mark.parametrize(
    ("models", "codes"),
    [
        ({"m": "0.5 * a + 0.5 * nobody"}, ["MC0302"]),
        ({"m": {"op": "no_such_op"}}, ["MC0301"]),
        ({"x": "0.5 * y + 0.5 * a", "y": "0.5 * x + 0.5 * a"}, ["MC0303"]),
        ({"m": "0.5 * m + 0.5 * a"}, ["MC0303"]),
    ],
)
def test_names_must_lead_somewhere(bench: Workbench, models: object, codes: list[str]) -> None:
    assert bench.codes(models) == codes


def test_what_the_output_does_not_need_is_not_opened(bench: Workbench) -> None:
    bench.sources["c"] = {"path": "no-such-file.safetensors"}
    assert warnings(bench, {"unused": "a + 0.5 * (c - b)", "m": "0.5 * a + 0.5 * b"}) == ["MC0305", "MC0304"]


def test_a_source_may_be_the_output(bench: Workbench) -> None:
    np.testing.assert_array_equal(bench.build("a")["w"].values, W)


@pytest.mark.parametrize("count", [10, 5000])
def test_sums_of_many_terms(bench: Workbench, count: int) -> None:
    share = 1 / count
    text = " + ".join(f"{share!r} * {'ab'[i % 2]}" for i in range(count))
    made = bench.build(text)["w"].values
    total = np.zeros(6, np.float32)
    for i in range(count):
        total = total + (W + i % 2) * np.float32(share)
    np.testing.assert_array_equal(made, total)


def test_products_of_many_factors(bench: Workbench) -> None:
    made = bench.build(f"a{' * 2 / 2' * 1500}")["w"].values
    np.testing.assert_array_equal(made, W)


@pytest.mark.parametrize("text", ["a + 0 * b", "a - 0 * b", "0 * b + a", "a - b / 2 * 0", "a - -0 * b"])
def test_a_term_of_weight_0_takes_no_part(bench: Workbench, text: str) -> None:
    signed = np.array([-0.0, 0.0, 1.0], np.float32)
    bench.source("a", {"w": signed})
    bench.source("b", {"w": np.array([np.nan, np.inf, 1.0], np.float32)})
    recipe = bench.recipe(text)
    assert recipe.plan().bytes_read == signed.nbytes
    assert read_checkpoint(recipe.build().path)["w"].data == signed.tobytes()


def test_a_linear_of_many_models(bench: Workbench) -> None:
    names = [f"s{i}" for i in range(600)]
    for name in names:
        bench.sources[name] = {"path": "a.safetensors"}
    model = {"op": "linear", "inputs": {name: {"weight": 1.0} for name in names}, "normalize": True}
    np.testing.assert_allclose(bench.build(model)["w"].values, W, rtol=1e-5)


def test_a_chain_of_many_models(bench: Workbench) -> None:
    models = {"m0": "0.5 * a + 0.5 * b"}
    for i in range(1, 700):
        models[f"m{i}"] = f"m{i - 1} + 0.001 * (a - b)"
    assert set(bench.build(models)) == {"w"}


def test_a_chain_in_which_each_model_uses_the_last_one_twice(bench: Workbench) -> None:
    models = {"m0": "0.5 * a + 0.5 * b"}
    for i in range(1, 60):
        models[f"m{i}"] = f"m{i - 1} + 0.5 * (m{i - 1} - a)"
    assert set(bench.build(models, dtype="float64")) == {"w"}


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ({"op": "linear", "inputs": {"a": 1e308, "b": 1e308}, "normalize": True}, "MC0307"),
        ({"op": "linear", "inputs": {"a": 1e300, "b": -1e300, "c": 1e-9}, "normalize": True}, "MC0307"),
        ({"op": "linear", "inputs": {"a": 1e308, "b": 1e308, "c": "rest"}}, "MC0112"),
        ("a + 1e300 * 1e300 * (a - b)", "MC0119"),
        ("a + (a - b) / 1e-320", "MC0119"),
    ],
)
def test_weights_whose_sum_or_product_is_too_large(bench: Workbench, model: object, code: str) -> None:
    bench.source("c", {"w": W})
    assert set(bench.codes(model)) == {code}
