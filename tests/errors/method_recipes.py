"""Sound uses of merge methods with all their keys, for the recipes that are to be broken."""

from __future__ import annotations

from typing import Any

_COMMON: dict[str, Any] = {"where": ["**"], "missing": "base", "arithmetic": "float64"}
_BASE = {**_COMMON, "base": "base"}
_PAIR = {**_BASE, "a": "base", "b": "tuned"}
_TRIPLE = {**_PAIR, "c": "used"}
_SCHEDULE = {"layers.[0:2].**": [0.2, 0.4], "**": "${alpha}"}


def _inputs(**parameters: object) -> dict[str, Any]:
    return {"inputs": {"tuned": parameters, "used": parameters}}


_WEIGHTED = {**_BASE, **_inputs(weight=0.5)}
_SPARSE = {
    **_BASE,
    **_inputs(weight=0.5, density=_SCHEDULE),
    "lambda": 0.5,
    "normalize": True,
    "rescale": "l1",
    "compat": "mergekit-0.1",
}
_BREADCRUMBS = {
    **_SPARSE,
    **_inputs(weight=0.5, density=0.5, gamma=0.1),
    "scope": "model",
}
_DROPPED = {**_SPARSE, **_inputs(weight=0.5, density=0.5), "seed": 1}
_DELLA = {**_DROPPED, **_inputs(weight=0.5, density=0.5, epsilon=0.1)}

# By operation: its keys, all of them.
METHODS: dict[str, dict[str, Any]] = {
    "add_difference": {**_TRIPLE, "alpha": _SCHEDULE},
    "arcee_fusion": {**_BASE, "model": "tuned", "compat": "mergekit-0.1"},
    "breadcrumbs": _BREADCRUMBS,
    "breadcrumbs_ties": {**_BREADCRUMBS, "sign": "count"},
    "consensus": {**_BASE, **_inputs(weight=0.5, mask_lambda=0.4), "agreement": 2, "lambda": 0.5},
    "cosine_a": {**_PAIR, "alpha": 0.5, "scope": "model"},
    "cosine_b": {**_PAIR, "alpha": 0.5, "scope": "tensor"},
    "crossover": {**_PAIR, "alpha": 0.5, "tilt": 0.5},
    "dare_linear": _DROPPED,
    "dare_ties": {**_DROPPED, "sign": "weighted"},
    "della": {**_DELLA, "sign": "unweighted"},
    "della_linear": _DELLA,
    "expo": {**_BASE, "model": "tuned", "alpha": 0.5},
    "extract": {**_TRIPLE, "alpha": 0.5, "beta": 0.5, "gamma": 2},
    "fisher": {
        **_BASE,
        "inputs": {"tuned": {"fisher": "used", "weight": 0.5}, "base": {"fisher": "used"}},
        "floor": 1e-6,
    },
    "geometric_median": {**_WEIGHTED, "max_iter": 5, "tol": 1e-6},
    "geometric_sum": {**_PAIR, "alpha": 0.5},
    "karcher": {**_WEIGHTED, "max_iter": 5, "tol": 1e-6, "compat": "mergekit-0.1"},
    "magmax": {**_BASE, "inputs": ["tuned", "used"], "lambda": 0.5},
    "model_stock": {**_BASE, "inputs": ["tuned", "used"], "filter_wise": True, "compat": "mergekit-0.1"},
    "multiply_difference": {**_TRIPLE, "alpha": 0.5, "beta": 0.5},
    "multislerp": {**_WEIGHTED, "normalize_weights": True, "eps": 1e-8, "compat": "mergekit-0.1"},
    "nearswap": {**_BASE, "model": "tuned", "t": 0.5, "compat": "mergekit-0.1"},
    "nuslerp": {**_WEIGHTED, "vectors": "rows", "compat": "mergekit-0.1"},
    "passthrough": {**_BASE, "model": "tuned", "scale": 0.5},
    "pcb": {
        **_WEIGHTED,
        "density": 0.5,
        "outliers": 0.1,
        "lambda": 0.5,
        "scope": "model",
    },
    "perpendicular": {**_TRIPLE, "alpha": 0.5},
    "ram": {**_BASE, "inputs": ["tuned", "used"], "epsilon": 1e-5},
    "ramplus_tl": {**_BASE, "inputs": ["tuned", "used"], "epsilon": 1e-5, "r": 0.1, "alpha": 0.2},
    "sce": {**_BASE, "inputs": ["tuned", "used"], "select_topk": 0.5, "compat": "mergekit-0.1"},
    "similarity_add_difference": {**_TRIPLE, "alpha": 0.5, "beta": 0.5},
    "slerp": {**_BASE, "inputs": ["base", "tuned"], "t": _SCHEDULE, "compat": "mergekit-0.1"},
    "smooth_add": {**_TRIPLE, "alpha": 0.5},
    "sum_twice": {**_TRIPLE, "alpha": 0.5, "beta": 0.5},
    "tall_masks": {**_WEIGHTED, "of": "tuned", "mask_lambda": 0.4, "lambda": 0.5},
    "task_arithmetic": {**_WEIGHTED, "lambda": 0.5, "normalize": True, "compat": "mergekit-0.1"},
    "tensor_sum": {**_PAIR, "alpha": 0.5, "beta": 0.5, "cut": "columns"},
    "ties": {**_SPARSE, "sign": "count", "scope": "tensor"},
    "train_difference": {**_TRIPLE, "alpha": 0.5},
    "triple_sum": {**_TRIPLE, "alpha": 0.5, "beta": 0.25},
    "weighted_subtraction": {**_PAIR, "alpha": 0.5, "beta": 0.5},
}
