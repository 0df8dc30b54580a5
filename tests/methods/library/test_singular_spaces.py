"""Methods that work on singular values, against oracles that decompose the matrices themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.methods.registry import find_method
from tests.conftest import read_checkpoint
from tests.methods.oracles import spectral

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Workbench

    Array = np.ndarray[Any, Any]

SHAPES: dict[str, tuple[int, ...]] = {
    "tall": (40, 12),
    "wide": (12, 40),
    "square": (15, 15),
    "row": (1, 9),
    "convolution": (8, 6, 3, 3),
    "vector": (7,),
    "scalar": (),
    "empty": (0, 4),
}
WEIGHTS = [1.0, 0.5, 2.0]


def models(kind: str = "drawn", count: int = 3) -> dict[str, dict[str, Array]]:
    """A base and fine-tunes, with one tensor for each shape."""
    found: dict[str, dict[str, Array]] = {"base": {}, **{f"m{i}": {} for i in range(count)}}
    for name, shape in SHAPES.items():
        generator = np.random.default_rng([len(name), *shape])
        base = generator.standard_normal(shape).astype(np.float32)
        found["base"][name] = base
        for i in range(count):
            seed = 0 if kind == "equal" else i
            drawn = np.random.default_rng([seed, len(name), *shape]).standard_normal(shape)
            if kind == "zeros" and i == 0:
                drawn = np.zeros(shape)
            if kind == "rank 1" and len(shape) > 1 and 0 not in shape:
                flat = drawn.reshape(shape[0], -1)
                drawn = np.outer(flat[:, 0], flat[0]).reshape(shape)
            found[f"m{i}"][name] = np.asarray(base + 0.125 * drawn).astype(np.float32)
    return found


def merge(bench: Workbench, made: Mapping[str, Mapping[str, Array]], **keys: Any) -> dict[str, Array]:
    for name, tensors in made.items():
        bench.source(name, tensors)
    inputs = {name: {"weight": w} for name, w in zip(list(made)[1:], WEIGHTS, strict=False)}
    for at, name in enumerate(inputs):
        inputs[name] |= {key: value[at] for key, value in keys.items() if isinstance(value, list)}
    single = {key: value for key, value in keys.items() if not isinstance(value, list)}
    model = {"base": "base", "inputs": inputs, "arithmetic": "float64", **single}
    return {name: tensor.values for name, tensor in bench.build(model).items()}


def wanted(made: Mapping[str, Mapping[str, Array]], oracle: Any, **keys: Any) -> dict[str, Array]:
    renamed = {"lambda_" if key == "lambda" else key: value for key, value in keys.items()}
    tensors = {name: [model[name].astype(np.float64) for model in made.values()] for name in made["base"]}
    return {
        name: oracle(values[0], values[1:], WEIGHTS[: len(values) - 1], **renamed)
        for name, values in tensors.items()
    }


def assert_alike(found: Mapping[str, Array], expected: Mapping[str, Array], atol: float = 3e-7) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-7, atol=atol, err_msg=name)


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "iso_c": (spectral.iso_c, {"lambda": 1.5}),
    "tsv_m": (spectral.tsv_m, {"lambda": 0.75}),
    "iso_cts": (spectral.iso_cts, {"lambda": 1.25}),
    "knots": (spectral.knots, {"density": [0.5, 1.0, 0.25]}),
}


@pytest.mark.parametrize("kind", ["drawn", "zeros", "rank 1"])
@pytest.mark.parametrize("op", CASES)
def test_equals_its_oracle(bench: Workbench, op: str, kind: str) -> None:
    oracle, keys = CASES[op]
    if op == "knots" and kind == "rank 1":
        keys = {**keys, "rank": 3}
    made = models(kind)
    assert_alike(merge(bench, made, op=op, **keys), wanted(made, oracle, **keys))


@pytest.mark.parametrize("op", ["iso_c", "knots"])
def test_equal_models(bench: Workbench, op: str) -> None:
    oracle, keys = CASES[op]
    made = models("equal")
    assert_alike(merge(bench, made, op=op, **keys), wanted(made, oracle, **keys))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_shares_of_the_common_space(bench: Workbench, share: float) -> None:
    made = models()
    found = merge(bench, made, op="iso_cts", common_space_fraction=share)
    assert_alike(found, wanted(made, spectral.iso_cts, common_space_fraction=share))


def test_all_of_it_common_is_iso_c(bench: Workbench) -> None:
    made = models()
    assert_alike(merge(bench, made, op="iso_cts", common_space_fraction=1), merge(bench, made, op="iso_c"))


def test_task_vectors_of_one_model_alone_are_that_model(bench: Workbench) -> None:
    made = models(count=1)
    assert_alike(merge(bench, made, op="tsv_m"), made["m0"])


def test_more_models_than_directions(bench: Workbench) -> None:
    made = models()
    made = {name: {"row": tensors["row"]} for name, tensors in made.items()}
    assert_alike(merge(bench, made, op="tsv_m"), wanted(made, spectral.tsv_m))


def test_a_weighted_sum_is_the_same_in_an_aligned_space(bench: Workbench) -> None:
    made = models()
    found = merge(bench, made, op="knots", merge="linear", normalize=False)
    matrices = {name: value for name, value in found.items() if value.ndim > 1}
    expected = {
        name: made["base"][name]
        + sum(w * (made[f"m{i}"][name] - made["base"][name]) for i, w in enumerate(WEIGHTS))
        for name in matrices
    }
    assert_alike(matrices, expected, atol=1e-6)


@pytest.mark.parametrize("op", CASES)
def test_models_of_weight_nothing(bench: Workbench, op: str) -> None:
    made = models(count=2)
    for name, tensors in made.items():
        bench.source(name, tensors)
    keys = {"op": op, "base": "base", "inputs": {"m0": {"weight": 1}, "m1": {"weight": 0}}}
    alone = {"op": op, "base": "base", "inputs": {"m0": {"weight": 1}}}
    both, one = bench.build(keys), bench.build(alone)
    for name in SHAPES:
        np.testing.assert_array_equal(both[name].values, one[name].values)
    nobody = bench.build({**keys, "inputs": {"m0": {"weight": 0}, "m1": {"weight": 0}}})
    for name in SHAPES:
        np.testing.assert_array_equal(nobody[name].values, made["base"][name])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("op", CASES)
def test_what_is_not_finite_spreads_over_its_tensor(bench: Workbench, op: str, bad: float) -> None:
    made = models()
    made["m1"]["tall"][3, 4] = bad
    oracle, keys = CASES[op]
    found = merge(bench, made, op=op, **keys)
    assert np.isnan(found.pop("tall")).all()
    expected = wanted(made, oracle, **keys)
    del expected["tall"]
    assert_alike(found, expected)


class TestTruncate:
    @pytest.mark.parametrize(
        "keys",
        [
            {"rank": 3},
            {"rank": 100},
            {"energy": 0.6},
            {"epsilon": 0.7},
            {"rank": 5, "energy": 0.4},
            {"rank": 1},
        ],
    )
    def test_equals_its_oracle(self, bench: Workbench, keys: dict[str, float]) -> None:
        made = models(count=1)
        for name, tensors in made.items():
            bench.source(name, tensors)
        model = {"op": "truncate", "model": "m0", "base": "base", "arithmetic": "float64", **keys}
        found = {name: tensor.values for name, tensor in bench.build(model).items()}
        cut = {"rank": int(keys.get("rank", 100)), "energy": 1.0, "epsilon": 0.0} | {
            key: value for key, value in keys.items() if key != "rank"
        }
        expected = {}
        for name, base in made["base"].items():
            change = made["m0"][name].astype(np.float64) - base
            expected[name] = base + spectral.truncated(change, **cut)  # type: ignore[arg-type]
        assert_alike(found, expected)

    def test_a_delta_stays_one(self, bench: Workbench) -> None:
        change = np.diag([3.0, 2.0, 1.0]).astype(np.float32)
        bench.source("task", {"w": change}, kind="delta")
        found = bench.build({"op": "truncate", "model": "task", "rank": 2}, kind="delta")
        np.testing.assert_allclose(found["w"].values, np.diag([3.0, 2.0, 0.0]), atol=1e-6)

    def test_half_a_rank_is_refused(self, bench: Workbench) -> None:
        bench.source("task", {"w": np.eye(3, dtype=np.float32)}, kind="delta")
        assert bench.codes({"op": "truncate", "model": "task", "rank": 1.5}, kind="delta") == ["MC0307"]


@pytest.mark.parametrize("op", [*CASES, "truncate"])
def test_the_worked_example(bench: Workbench, op: str) -> None:
    found = find_method(op)
    assert found is not None
    example = found.method.example
    assert example is not None
    for name, values in example.tensors.items():
        bench.source(name, {"w": np.array(values, np.float32)})
    made = bench.build({"op": op, **example.keys})["w"].values
    np.testing.assert_allclose(made, np.array(example.result), atol=1e-6)


@pytest.mark.parametrize("op", CASES)
def test_bytes_depend_on_no_workers_and_no_budget(bench: Workbench, op: str) -> None:
    for name, tensors in models().items():
        bench.source(name, tensors)
    recipe = bench.recipe({"op": op, "base": "base", "inputs": ["m0", "m1"]})
    first = read_checkpoint(recipe.build(workers=1, memory="1GiB", force=True).path)
    again = read_checkpoint(recipe.build(workers=3, memory="80MiB", force=True, fresh=True).path)
    assert first == again
