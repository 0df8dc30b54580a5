"""The merge methods of mergekit, with the values that their parameters have where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mergec.importing.mergekit_config import Constant


class Base(Enum):
    """What a method does with `base_model`."""

    IGNORED = "ignored"
    OPTIONAL = "optional"
    NEEDED = "needed"


# A parameter without a default.
NEEDED = None
Defaults = Mapping[str, Constant | None]


@dataclass(frozen=True, slots=True)
class MergekitMethod:
    """A method: parameters of the merge as a whole, and those that each model has."""

    base: Base
    whole: Defaults = field(default_factory=dict)
    each: Defaults = field(default_factory=dict)


def _sparse(*, normalize: bool, rescale: bool, **more: float) -> MergekitMethod:
    """A sum of task vectors of which something is left out."""
    whole = {"normalize": normalize, "rescale": rescale, "lambda": 1.0}
    return MergekitMethod(Base.NEEDED, whole, {"weight": NEEDED, "density": 1.0, **more})


# Together they say what one vector is: `vectors` here.
FLATTEN, ROW_WISE = "nuslerp_flatten", "nuslerp_row_wise"
_EPSILON, _GAMMA = {"epsilon": 0.15}, {"gamma": 0.01}
_WEIGHT = {"weight": NEEDED}

METHODS: dict[str, MergekitMethod] = {
    "linear": MergekitMethod(Base.IGNORED, {"normalize": True}, _WEIGHT),
    "slerp": MergekitMethod(Base.NEEDED, {"t": NEEDED}),
    "nuslerp": MergekitMethod(Base.OPTIONAL, {ROW_WISE: False, FLATTEN: True}, _WEIGHT),
    "multislerp": MergekitMethod(Base.OPTIONAL, {"normalize_weights": True, "eps": 1e-8}, _WEIGHT),
    "karcher": MergekitMethod(Base.IGNORED, {"max_iter": 10, "tol": 1e-5}),
    # Its density and its rescaling are read, and change nothing.
    "task_arithmetic": MergekitMethod(Base.NEEDED, {"normalize": False, "lambda": 1.0}, _WEIGHT),
    "ties": _sparse(normalize=True, rescale=False),
    "dare_linear": _sparse(normalize=False, rescale=True),
    "dare_ties": _sparse(normalize=False, rescale=True),
    "della": _sparse(normalize=True, rescale=True, **_EPSILON),
    "della_linear": _sparse(normalize=False, rescale=True, **_EPSILON),
    "breadcrumbs": _sparse(normalize=False, rescale=False, **_GAMMA),
    "breadcrumbs_ties": _sparse(normalize=False, rescale=False, **_GAMMA),
    "sce": MergekitMethod(Base.NEEDED, {"select_topk": 1.0}),
    "model_stock": MergekitMethod(Base.NEEDED, {"filter_wise": False}),
    "nearswap": MergekitMethod(Base.NEEDED, {"t": NEEDED}),
    "arcee_fusion": MergekitMethod(Base.NEEDED),
    "ram": MergekitMethod(Base.NEEDED, {"epsilon": 1e-5}),
    "ramplus_tl": MergekitMethod(Base.NEEDED, {"epsilon": 1e-5, "r": 0.1, "alpha": 0.2}),
}
PASSTHROUGH = "passthrough"
# It chooses the dtype of a mask, and changes no result.
WITHOUT_EFFECT = "int8_mask"
# mergekit rescales so that the sum of magnitudes stays, or not at all.
RESCALE = {True: "l1", False: "none"}
