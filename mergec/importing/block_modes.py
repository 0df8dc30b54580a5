"""The modes of mergers of Stable Diffusion models, as operations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean
from mergec.importing.block_weights import bad
from mergec.importing.errors import NoSuchMethod
from mergec.methods.parameter import Role
from mergec.methods.registry import find_method

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mergec.diagnostics import Span
    from mergec.importing.draft import Draft

LORA = "lora"


@dataclass(frozen=True, slots=True)
class Mixing:
    """Models and weights: `third` and `beta` where a mode has use for them. Weights are schedules."""

    base: str
    other: str
    third: str | None
    alpha: object
    beta: object
    span: Span

    def needed_third(self, mode: str) -> str:
        """The third model.

        Raises:
            MergecError: MC0844 where there is none.
        """
        if self.third is None:
            raise bad(
                self.span, f"the mode `{mode}` merges three models", "name the third one with `--third`"
            )
        return self.third


def mixed(mode: str, mixing: Mixing, draft: Draft, name: str) -> str:
    """Add the models that a mode stands for; the name of the last one.

    Raises:
        MergecError: MC0841 for a mode that is not known, MC0844.
    """
    known = normal_name(mode)
    made = _OWN.get(known)
    return made(mixing, draft, name) if made is not None else _by_method(known, mode, mixing, draft, name)


def normal_name(mode: str) -> str:
    """A mode's name as mergec writes names: `trainDifference` and `Train difference` are one."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", mode).lower()).strip("_")


def _lora(mixing: Mixing, draft: Draft, name: str) -> str:
    adapters = {mixing.other: mixing.alpha}
    if isinstance(mixing.alpha, dict):
        adapters = {mixing.other: {"strength": mixing.alpha}}
    return draft.model(name, {"op": "lora", "base": mixing.base, "adapters": adapters})


def _weight_sum(mixing: Mixing, draft: Draft, name: str) -> str:
    # Integers such as position ids are never merged there.
    keys = {
        "op": "interpolate",
        "from": mixing.base,
        "to": mixing.other,
        "t": mixing.alpha,
        "base": mixing.base,
    }
    return draft.model(name, keys)


def _add_difference(mixing: Mixing, draft: Draft, name: str) -> str:
    third = mixing.needed_third("add_difference")
    delta = draft.model(f"{mixing.other}_minus_{third}", {"op": "delta", "of": mixing.other, "base": third})
    weight = {"strength": mixing.alpha} if isinstance(mixing.alpha, dict) else mixing.alpha
    return draft.model(name, {"op": "apply", "base": mixing.base, "deltas": {delta: weight}})


def _triple_sum(mixing: Mixing, draft: Draft, name: str) -> str:
    third = mixing.needed_third("triple_sum")
    weights = {mixing.base: "rest", mixing.other: mixing.alpha, third: mixing.beta}
    inputs = {model: {"weight": weight} for model, weight in weights.items()}
    return draft.model(name, {"op": "linear", "inputs": inputs, "base": mixing.base})


def _sum_twice(mixing: Mixing, draft: Draft, name: str) -> str:
    third = mixing.needed_third("sum_twice")
    first = _weight_sum(mixing, draft, f"{name}_first")
    return draft.model(name, _between(first, third, mixing.beta))


def _between(first: str, second: str, weight: object) -> dict[str, object]:
    # Integers such as position ids are never merged there: they come from the first model.
    return {"op": "interpolate", "from": first, "to": second, "t": weight, "base": first}


_OWN: dict[str, Callable[[Mixing, Draft, str], str]] = {
    LORA: _lora,
    "weight_sum": _weight_sum,
    "weighted_sum": _weight_sum,
    "add_difference": _add_difference,
    "triple_sum": _triple_sum,
    "sum_twice": _sum_twice,
}


def _by_method(known: str, mode: str, mixing: Mixing, draft: Draft, name: str) -> str:
    """A mode that is a method by the same name: models and schedules in the order of its signature."""
    operation = find_method(known)
    if operation is None or operation.method.listed is not None:
        help_ = did_you_mean(known, _OWN) or "`mergec methods` lists the operations"
        raise MergecError([NoSuchMethod(span=mixing.span, method=mode, help=help_)])
    wanted = [one.key for one in operation.method.of_role(Role.MODEL)]
    third = [mixing.needed_third(mode)] if len(wanted) > 2 else []
    keys: dict[str, object] = {"op": known}
    keys.update(zip(wanted, [mixing.base, mixing.other, *third], strict=False))
    schedules: Sequence[str] = [one.key for one in operation.method.of_role(Role.SCHEDULE)]
    keys.update(zip(schedules, (mixing.alpha, mixing.beta), strict=False))
    return draft.model(name, keys)
