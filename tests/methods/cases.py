"""The uses of every method that are compared with its oracle."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.methods.harness import Case
from tests.methods.oracles import (
    averages,
    diffusion,
    filters,
    geometry,
    likeness,
    selection,
    sparsified,
    spherical,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Array

COMPAT = {"compat": "mergekit-0.1"}
_THREE = [0.5, 0.25, 1.5]
_DENSITIES = [0.5, 0.25, 0.75]


def _averages() -> Iterator[Case]:
    three: dict[str, Any] = {"method": "linear", "oracle": averages.linear, "count": 3}
    yield Case(**three, per_input={"weight": [0.2, 0.5, 0.3]})
    yield Case(**three, per_input={"weight": [0.2, 0.0, 0.8]})
    yield Case(**three, per_input={"weight": [0.2, -0.7, 1.9]}, keys={"normalize": True})
    for t in (0.0, 0.3, 1.0, 1.5):
        yield Case("interpolate", averages.interpolate, ("from", "to"), keys={"t": t})
    for scale in (0.0, 0.3, 1.0, -2.0):
        yield Case("passthrough", averages.passthrough, ("model",), keys={"scale": scale})
    yield Case("passthrough", averages.passthrough, ("model",))
    for alpha in (0.0, 0.3, 2.0):
        yield Case("expo", averages.expo, ("base", "model"), keys={"alpha": alpha})
    fisher: dict[str, Any] = {
        "method": "fisher",
        "oracle": averages.fisher,
        "count": 3,
        "companion": "fisher",
    }
    yield Case(**fisher, per_input={"weight": [1.0, 1.0, 1.0]})
    yield Case(**fisher, per_input={"weight": [0.2, 0.0, 2.0]})
    yield Case(**fisher, per_input={"weight": [0.2, 0.3, 2.0]}, keys={"floor": 0.0}, scales=False)
    median: dict[str, Any] = {"method": "geometric_median", "oracle": averages.geometric_median, "gain": 64.0}
    for weights in ([1.0, 1.0, 1.0], [0.5, 1.0, 1.25], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0], [1.0]):
        yield Case(**median, count=len(weights), per_input={"weight": weights})


def _spherical() -> Iterator[Case]:
    for more in ({}, COMPAT):
        for t in (0.0, 0.3, 1.0):
            yield Case("slerp", spherical.slerp, count=2, keys={"t": t, **more})
        for single in ((), ("base",)):
            for vectors in ("tensor", "rows", "columns"):
                yield Case(
                    "nuslerp",
                    spherical.nuslerp,
                    single,
                    2,
                    {"vectors": vectors, **more},
                    {"weight": [0.25, 0.5]},
                )
            yield Case(
                "multislerp", spherical.multislerp, single, 3, more, {"weight": [0.25, 0.5, 1.0]}, gain=64.0
            )
            yield Case("multislerp", spherical.multislerp, single, 1, more, {"weight": [0.5]})
        yield Case("karcher", spherical.karcher, count=3, keys=more, gain=64.0)
        yield Case(
            "karcher", spherical.karcher, count=3, keys={"max_iter": 2, "tol": 1e-9, **more}, gain=64.0
        )
        yield Case("karcher", spherical.karcher, count=1, keys=more)
    two = {"weight": [0.25, 0.5]}
    yield Case("multislerp", spherical.multislerp, (), 2, {"normalize_weights": False}, two)
    yield Case("karcher", spherical.karcher, count=3, per_input={"weight": [0.25, 0.5, 1.0]}, gain=64.0)


def _sparsified() -> Iterator[Case]:
    for more in ({}, COMPAT):
        for normalize in (False, True):
            keys = {"normalize": normalize, "lambda": 0.75, **more}
            yield Case("task_arithmetic", sparsified.task_arithmetic, ("base",), 3, keys, {"weight": _THREE})
        yield from _trimmed("ties", sparsified.ties, more)
        gamma = {"gamma": [0.05, 0.1, 0.02]}
        yield from _trimmed("breadcrumbs", sparsified.breadcrumbs, more, **gamma)
        yield from _trimmed("breadcrumbs_ties", sparsified.breadcrumbs_ties, more, **gamma)
        yield from _dropped("dare_linear", sparsified.dare_linear, more)
        yield from _dropped("dare_ties", sparsified.dare_ties, more)
        epsilon = {"epsilon": [0.125, 0.25, 0.0]}
        yield from _dropped("della_linear", sparsified.della_linear, more, **epsilon)
        yield from _dropped("della", sparsified.della, more, **epsilon)
    weights = {"weight": [-0.5, 0.25, 0.0]}
    yield Case("task_arithmetic", sparsified.task_arithmetic, ("base",), 3, per_input=weights)


def _trimmed(
    method: str, oracle: Callable[..., Array], more: dict[str, Any], **per_input: list[float]
) -> Iterator[Case]:
    def case(keys: dict[str, Any], weight: list[float], density: list[float]) -> Case:
        given = {"weight": weight, "density": density, **per_input}
        # An infinite sum of magnitudes makes nothing of the rest, and what exactly is nobody's concern.
        skip = frozenset({"inf_base"} if keys.get("rescale") == "l1" else ())
        return Case(method, oracle, ("base",), 3, {**keys, **more}, given, skip=skip)

    yield case({}, _THREE, _DENSITIES)
    yield case({"lambda": 0.75, "normalize": False}, _THREE, [0.0, 1.0, 0.3])
    yield case({"lambda": -1.0, "normalize": True}, [0.5, -0.25, 0.0], [0.01, 0.5, 0.5])
    for rescale in ("density", "l1", "none"):
        yield case({"rescale": rescale}, _THREE, _DENSITIES)
    if method != "breadcrumbs":
        for sign in ("weighted", "unweighted", "count"):
            yield case({"sign": sign}, [0.5, 2.0, -1.0], _DENSITIES)
    whole = Case(
        method,
        partial(_over_the_model, oracle),
        ("base",),
        3,
        {"scope": "model", **more},
        {"weight": _THREE, "density": _DENSITIES, **per_input},
        whole=True,
        broken=False,
        scales=False,
    )
    yield whole


def _over_the_model(oracle: Callable[..., Array], *models: dict[str, Array], **keys: Any) -> dict[str, Array]:
    """An oracle of one tensor, applied to all tensors laid end to end."""
    base, *inputs = (np.concatenate([x.ravel() for x in model.values()]) for model in models)
    keys.pop("scope")
    merged = oracle(base, inputs, **keys)
    made: dict[str, Array] = {}
    at = 0
    for name, x in models[0].items():
        made[name] = merged[at : at + x.size].reshape(x.shape)
        at += x.size
    return made


def _dropped(
    method: str, oracle: Callable[..., Array], more: dict[str, Any], **per_input: list[float]
) -> Iterator[Case]:
    def case(keys: dict[str, Any], weight: list[float], density: list[float]) -> Case:
        given = {"weight": weight, "density": density, **per_input}
        seeded = {"seed": 7, **keys, **more}
        return Case(method, oracle, ("base",), 3, seeded, given, random=True)

    yield case({}, _THREE, _DENSITIES)
    yield case({"lambda": 0.75, "normalize": True}, _THREE, [0.0, 1.0, 0.5])
    yield case({"lambda": 0.75, "normalize": False}, [0.5, -0.25, 0.0], _DENSITIES)
    for rescale in ("density", "l1", "none"):
        yield case({"rescale": rescale}, _THREE, _DENSITIES)
    if not method.endswith("linear"):
        for sign in ("weighted", "unweighted", "count"):
            yield case({"sign": sign}, [0.5, 2.0, -1.0], _DENSITIES)


def _selection() -> Iterator[Case]:
    oracle: Callable[..., Array]
    for more in ({}, COMPAT):
        for topk in (0.0, 0.3, 1.0):
            yield Case("sce", selection.sce, ("base",), 4, {"select_topk": topk, **more})
    for oracle in (selection.ram, selection.ramplus_tl):
        yield Case(oracle.__name__, oracle, ("base",), 3)
    yield Case("ram", selection.ram, ("base",), 3, {"epsilon": 0.1})
    keys = {"epsilon": 0.15, "r": 0.5, "alpha": 0.7}
    yield Case("ramplus_tl", selection.ramplus_tl, ("base",), 3, keys)
    yield Case("magmax", selection.magmax, ("base",), 3)
    yield Case("magmax", selection.magmax, ("base",), 3, {"lambda": 0.3})
    for scale in (0.5, 1.0):
        for agreement in (1, 2, 3):
            keys = {"agreement": agreement, "lambda": 0.5}
            given = {"weight": [1.0, 0.5, 1.5], "mask_lambda": [scale] * 3}
            yield Case("consensus", selection.consensus, ("base",), 3, keys, given)
        weights = {"weight": [1.0, 0.5, 1.5]}
        yield Case("tall_masks", selection.tall_masks, ("base", "of"), 3, {"mask_lambda": scale}, weights)
    for density in (0.0, 0.1, 1.0):
        given = {"weight": [1.0, 0.5, 1.5]}
        yield Case("pcb", selection.pcb, ("base",), 3, {"density": density}, given, gain=1024.0)
    yield Case(
        "pcb",
        partial(_over_the_model, selection.pcb),
        ("base",),
        3,
        {"density": 0.2, "scope": "model"},
        {"weight": [1.0, 0.5, 1.5]},
        whole=True,
        gain=1024.0,
        broken=False,
        scales=False,
    )
    keys = {"density": 0.2, "outliers": 0.02, "lambda": 0.5}
    yield Case("pcb", selection.pcb, ("base",), 3, keys, {"weight": [1.0, 1.0, 1.0]}, gain=1024.0)


def _geometry() -> Iterator[Case]:
    for more in ({}, COMPAT):
        for filter_wise in (False, True):
            for count in (2, 3):
                yield Case(
                    "model_stock",
                    geometry.model_stock,
                    ("base",),
                    count,
                    {"filter_wise": filter_wise, **more},
                )
        for t in (0.0, 0.1, 100.0):
            yield Case("nearswap", geometry.nearswap, ("base", "model"), keys={"t": t, **more})
        # Divergences of values that differ by 1e-15 are nothing but rounding, and so is whether a value of
        # this vector is as large as the cut.
        skip = frozenset({"tiny", "smallest", "F32-F16-BF16.vector"})
        yield Case("arcee_fusion", geometry.arcee_fusion, ("base", "model"), keys=more, skip=skip)


def _diffusion() -> Iterator[Case]:
    three = ("a", "b", "c")
    oracle: Callable[..., Array]
    for alpha in (0.0, 0.3, 1.0):
        keys = {"alpha": alpha}
        for oracle in (diffusion.add_difference, diffusion.train_difference, diffusion.perpendicular):
            yield Case(oracle.__name__, oracle, three, keys=keys)
        yield Case("smooth_add", filters.smooth_add, three, keys=keys, broken=False)
        yield Case("geometric_sum", diffusion.geometric_sum, ("a", "b"), keys=keys)
        for beta in (0.0, 0.25):
            both = {"alpha": alpha, "beta": beta}
            for oracle in (
                diffusion.triple_sum,
                diffusion.sum_twice,
                diffusion.multiply_difference,
                diffusion.similarity_add_difference,
            ):
                yield Case(oracle.__name__, oracle, three, keys=both)
            yield Case("extract", diffusion.extract, three, keys={**both, "gamma": 2.0})
            for cut in ("rows", "columns"):
                yield Case("tensor_sum", diffusion.tensor_sum, ("a", "b"), keys={**both, "cut": cut})
        for tilt in (0.0, 0.3, 1.0):
            yield Case("crossover", filters.crossover, ("a", "b"), keys={**keys, "tilt": tilt}, gain=64.0)
        for kind in ("a", "b"):
            oracle_of_one = partial(likeness.cosine_of_tensor, kind=kind)
            tensor = {**keys, "scope": "tensor"}
            yield Case(f"cosine_{kind}", oracle_of_one, ("a", "b"), keys=tensor)
            yield Case(
                f"cosine_{kind}",
                partial(likeness.cosine_of_model, kind=kind),
                ("a", "b"),
                keys=keys,
                whole=True,
                broken=False,
                gain=64.0,
            )
    yield Case("extract", diffusion.extract, three, keys={"alpha": 0.3, "beta": 0.6})
    both = {"alpha": 0.5, "beta": 0.25}
    yield Case("weighted_subtraction", diffusion.weighted_subtraction, ("a", "b"), keys=both)


CASES: tuple[Case, ...] = (
    *_averages(),
    *_spherical(),
    *_sparsified(),
    *_selection(),
    *_geometry(),
    *_diffusion(),
)
# Methods that are tested by other means, and where.
ELSEWHERE: dict[str, str] = {
    "apply": "tests/methods/library/test_deltas.py",
    "delta": "tests/methods/library/test_deltas.py",
    "iso_c": "tests/methods/library/test_singular_spaces.py",
    "iso_cts": "tests/methods/library/test_singular_spaces.py",
    "knots": "tests/methods/library/test_singular_spaces.py",
    "truncate": "tests/methods/library/test_singular_spaces.py",
    "tsv_m": "tests/methods/library/test_singular_spaces.py",
}
