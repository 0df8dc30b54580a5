"""The modes of mergers of Stable Diffusion models, as operations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean
from mergec.importing.block_weights import bad
from mergec.importing.errors import NoSuchMethod
from mergec.methods.parameter import REQUIRED, Role
from mergec.methods.registry import find_method, methods

if TYPE_CHECKING:
    from mergec.diagnostics import Span
    from mergec.importing.draft import Draft
    from mergec.methods.method import Method

LORA = "lora"


_OTHER_NAMES = {
    "weight_sum": "interpolate",
    "weighted_sum": "interpolate",
    "normal": "interpolate",
    "tensor": "tensor_sum",
}


@dataclass(frozen=True, slots=True)
class Mixing:
    """Models and weights: `third` and `beta` where a mode has use for them. Weights are schedules."""

    base: str
    other: str
    third: str | None
    alpha: object
    beta: object | None
    span: Span


def mixed(mode: str, mixing: Mixing, draft: Draft, name: str) -> str:
    """The name of the model that a mode stands for, which is added under this name or one like it.

    Raises:
        MergecError: MC0841 for a mode that is not known, MC0844 for a model or weights that it lacks.
    """
    known = normal_name(mode)
    if known == LORA:
        strength = {"strength": mixing.alpha} if isinstance(mixing.alpha, dict) else mixing.alpha
        return draft.model(name, {"op": "lora", "base": mixing.base, "adapters": {mixing.other: strength}})
    operation = find_method(_OTHER_NAMES.get(known, known))
    if operation is None or operation.method.listed or len(operation.method.of_role(Role.MODEL)) < 2:
        help_ = (
            did_you_mean(known, [LORA, *_OTHER_NAMES, *methods()]) or "`mergec methods` lists the operations"
        )
        raise MergecError([NoSuchMethod(span=mixing.span, method=mode, help=help_)])
    return draft.model(name, _keys(mode, operation.method, mixing))


def normal_name(mode: str) -> str:
    """A mode's name as mergec writes names: `trainDifference` and `Train difference` are one."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", mode).lower()).strip("_")


def _keys(mode: str, method: Method, mixing: Mixing) -> dict[str, object]:
    """Models and weights under the keys of a method, in the order of its signature."""
    models = [one.key for one in method.of_role(Role.MODEL)]
    weights = method.of_role(Role.SCHEDULE)
    if len(models) > 2 and mixing.third is None:
        raise bad(mixing.span, f"the mode `{mode}` merges three models", "name the third one with `--third`")
    if len(weights) > 1 and weights[1].default is REQUIRED and mixing.beta is None:
        raise bad(mixing.span, f"the mode `{mode}` has two weights", "give the second ones with `--beta`")
    keys: dict[str, object] = {"op": method.name}
    keys.update(zip(models, (mixing.base, mixing.other, mixing.third), strict=False))
    given = zip(weights, (mixing.alpha, mixing.beta), strict=False)
    keys.update((weight.key, value) for weight, value in given if value is not None)
    # Integers such as position ids are never merged there: they come from the first model.
    return keys if "base" in models else {**keys, "base": mixing.base}
