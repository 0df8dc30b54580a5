"""Methods that drop at random: the lots themselves, and the arithmetic once they are drawn."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.conftest import read_checkpoint
from tests.methods.cases import CASES
from tests.methods.harness import build, errors, expected, masks, models_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Array, Workbench
    from tests.methods.harness import Arithmetic, Case

_SHAPE = (200, 400)
_SIZE = 200 * 400
_HALF = {"density": 0.5}


_RANDOM = [case for case in CASES if case.random]
# What compat changes is the same in both, and each case takes four builds.
_IN_BOTH = [case for case in _RANDOM if "compat" not in case.keys]


@pytest.mark.parametrize(
    ("case", "arithmetic"),
    [*((case, "float64") for case in _RANDOM), *((case, "float32") for case in _IN_BOTH)],
    ids=str,
)
def test_equals_its_oracle_given_the_lots(bench: Workbench, case: Case, arithmetic: Arithmetic) -> None:
    models = models_of(case, arithmetic)
    drawn = masks(bench, case, models, arithmetic)
    by_name = {name: [mask[name] for mask in drawn] for name in models[0]}
    made = build(bench, case, models, arithmetic)
    found = errors(case, models, made, expected(case, models, arithmetic, masks=by_name), arithmetic)
    assert {name: error for name, error in found.items() if error > 1} == {}


@pytest.fixture
def large(bench: Workbench) -> Workbench:
    """A base of zeros, and models of ascending values in every row, for two tensors."""
    rising = np.tile(np.arange(1.0, _SHAPE[1] + 1, dtype=np.float32), (_SHAPE[0], 1))
    bench.source("base", {name: np.zeros(_SHAPE, np.float32) for name in "xy"})
    for model in "abc":
        bench.source(model, dict.fromkeys("xy", rising))
    return bench


def _operation(
    op: str, per_input: Mapping[str, float], *, models: str = "a", seed: int = 1
) -> dict[str, Any]:
    inputs = {model: {"weight": 1.0, **per_input} for model in models}
    return {"op": op, "base": "base", "inputs": inputs, "rescale": "none", "seed": seed}


def _kept(bench: Workbench, operation: Mapping[str, Any]) -> dict[str, Array]:
    return {name: tensor.values != 0 for name, tensor in bench.build(operation).items()}


@pytest.mark.parametrize("op", ["dare_linear", "dare_ties", "della_linear", "della"])
@pytest.mark.parametrize("density", [0.1, 0.5, 0.93])
def test_as_much_is_kept_as_the_density_says(large: Workbench, op: str, density: float) -> None:
    more = {"epsilon": 0.05} if op.startswith("della") else {}
    for kept in _kept(large, _operation(op, {"density": density, **more})).values():
        deviation = (density * (1 - density) / _SIZE) ** 0.5
        assert abs(kept.mean() - density) < 5 * deviation


def test_della_keeps_what_is_larger_more_often(large: Workbench) -> None:
    kept = _kept(large, _operation("della_linear", {"density": 0.5, "epsilon": 0.4}))["x"]
    wanted = 0.1 + 0.8 * np.arange(_SHAPE[1]) / (_SHAPE[1] - 1)
    deviation = np.sqrt(wanted * (1 - wanted) / _SHAPE[0])
    assert np.all(np.abs(kept.mean(axis=0) - wanted) < 5 * deviation)


def test_lots_of_tensors_inputs_and_seeds_are_independent(large: Workbench) -> None:
    drawn: dict[str, Array] = {}
    for model, seed in (("a", 1), ("b", 1), ("c", 1), ("a", 2)):
        made = _kept(large, _operation("dare_linear", _HALF, models=model, seed=seed))
        drawn.update({f"{model}{seed}{name}": kept for name, kept in made.items()})
    for one, other in itertools.combinations(drawn, 2):
        together = np.corrcoef(drawn[one].ravel(), drawn[other].ravel())[0, 1]
        assert abs(together) < 5 / _SIZE**0.5, (one, other)
    for kept in drawn.values():
        flat = kept.ravel().astype(np.float64)
        for lag in (1, 2, 4, _SHAPE[1]):
            assert abs(np.corrcoef(flat[:-lag], flat[lag:])[0, 1]) < 5 / _SIZE**0.5


def test_an_input_is_drawn_alike_whatever_the_others_are(large: Workbench) -> None:
    alone = _kept(large, _operation("dare_linear", _HALF, models="b"))
    with_others = large.build(_operation("dare_linear", _HALF, models="acb"))
    without = large.build(_operation("dare_linear", _HALF, models="ca"))
    for name, kept in alone.items():
        difference = with_others[name].values - without[name].values
        np.testing.assert_array_equal(difference != 0, kept)


@pytest.mark.parametrize("op", ["dare_linear", "dare_ties", "della_linear", "della"])
def test_bytes_depend_on_no_worker_tile_or_shard(large: Workbench, op: str) -> None:
    more = {"epsilon": 0.2} if op.startswith("della") else {}
    operation = _operation(op, {**_HALF, **more}, models="abc")
    wanted = large.build(operation)
    for shard, memory, workers in (("100KB", "2GiB", 3), ("5GB", "36MiB", 2), ("400KB", "36MiB", 1)):
        recipe = large.recipe(operation, max_shard_size=shard)
        made = recipe.build(workers=workers, memory=memory, force=True, fresh=True)
        assert read_checkpoint(made.path) == wanted
