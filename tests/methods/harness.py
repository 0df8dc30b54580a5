"""A method built by mergec against its oracle: same models, same keys, every situation at once."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tests.conftest import rounded_to
from tests.methods import situations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.conftest import Array, Tensor, Workbench

    Named = dict[str, Array]

Arithmetic = Literal["float32", "float64"]
_EPSILON = {"float32": 2.0**-24, "float64": 2.0**-53}
# Binary digits after the first, and the exponent of the smallest normal number.
_FORMATS = {"F32": (23, -126), "BF16": (7, -126), "F16": (10, -14)}


@dataclass(frozen=True)
class Case:
    """One use of a method.

    `single` are its keys that take one model, which get the first models; `count` inputs follow.
    `keys` are written into the recipe and given to the oracle; so is `per_input`, a number for each input.
    `whole`: the oracle takes all tensors at once. `gain`: how many times the rounding error of the largest
    value the result may be off by, over the last place of its own dtype; it grows with the number of
    operations and with how much they stretch a difference.
    """

    method: str
    oracle: Callable[..., Any]
    single: tuple[str, ...] = ()
    count: int = 0
    keys: Mapping[str, Any] = field(default_factory=dict)
    per_input: Mapping[str, Sequence[float]] = field(default_factory=dict)
    companion: str | None = None
    whole: bool = False
    random: bool = False
    gain: float = 16.0
    broken: bool = True
    scales: bool = True
    skip: frozenset[str] = frozenset()

    def __str__(self) -> str:
        told = {**self.keys, **self.per_input}
        return self.method + "".join(f"-{key}={_short(value)}" for key, value in told.items())

    @property
    def models(self) -> int:
        """How many models it takes, without companions."""
        return len(self.single) + self.count


def _short(value: Any) -> str:
    return ",".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


def operation(case: Case, arithmetic: Arithmetic) -> dict[str, Any]:
    """The operation of a case as a recipe has it; its models are m0, m1, ..., their companions c0, c1, ..."""
    keys: dict[str, Any] = {"op": case.method, **case.keys}
    keys.update({key: f"m{i}" for i, key in enumerate(case.single)})
    names = [f"m{i}" for i in range(len(case.single), case.models)]
    if names:
        given: dict[str, dict[str, Any]] = {name: {} for name in names}
        for key, values in case.per_input.items():
            for name, value in zip(names, values, strict=True):
                given[name][key] = value
        if case.companion:
            for i, name in enumerate(names):
                given[name][case.companion] = f"c{i}"
        keys["inputs"] = given if any(given.values()) else names
    if arithmetic != "float32":
        keys["arithmetic"] = arithmetic
    return keys


def models_of(case: Case, arithmetic: Arithmetic) -> list[Named]:
    """The tensors of the case's models, then of their companions."""
    made = situations.tensors(
        case.models,
        broken=case.broken,
        scales=case.scales,
        extremes=case.scales and arithmetic == "float64",
    )
    if case.companion:  # values that are positive, as Fisher information is
        made += [{name: np.abs(x) for name, x in model.items()} for model in made[len(case.single) :]]
    return [
        {n: x for n, x in model.items() if case.skip.isdisjoint({n, n.partition(".")[2]})} for model in made
    ]


def build(bench: Workbench, case: Case, models: Sequence[Named], arithmetic: Arithmetic) -> dict[str, Tensor]:
    """What mergec makes of them."""
    for i, model in enumerate(models):
        companion = i - case.models  # of the input at this place
        name, at = (f"m{i}", i) if companion < 0 else (f"c{companion}", len(case.single) + companion)
        bench.source(name, situations.as_stored(model, at))
    return bench.build(operation(case, arithmetic))


def expected(case: Case, models: Sequence[Named], arithmetic: Arithmetic, **more: Mapping[str, Any]) -> Named:
    """What the oracle makes of them: float64, not yet rounded. `more` are arguments by tensor name."""
    dtype = np.dtype(arithmetic)
    narrow = [{name: x.astype(dtype) for name, x in model.items()} for model in models]
    if case.whole:
        return case.oracle(*narrow, **_arguments(case))  # type: ignore[no-any-return]
    made: Named = {}
    for name in narrow[0]:
        arrays = [model[name] for model in narrow]
        models_by_key: dict[str, Any] = dict(zip(case.single, arrays, strict=False))
        if case.count:
            models_by_key["inputs"] = arrays[len(case.single) : case.models]
        if case.companion:
            models_by_key[case.companion] = arrays[case.models :]
        renamed = {{"from": "from_"}.get(key, key): value for key, value in models_by_key.items()}
        more_here = {argument: values[name] for argument, values in more.items()}
        made[name] = case.oracle(**renamed, **_arguments(case), **more_here)
    return made


def _arguments(case: Case) -> dict[str, Any]:
    known = inspect.signature(case.oracle).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    given = {**case.keys, **{key: list(values) for key, values in case.per_input.items()}}
    renamed = {{"lambda": "lambda_"}.get(key, key): value for key, value in given.items()}
    return {key: value for key, value in renamed.items() if takes_all or key in known}


def last_place(code: str, values: Array) -> Array:
    """The distance between neighbouring numbers of a dtype at these values."""
    digits, least = _FORMATS[code]
    _, exponent = np.frexp(np.where(np.isfinite(values), values, 1.0))
    unit: Array = np.ldexp(1.0, np.maximum(exponent - 1, least) - digits)
    return unit


def errors(
    case: Case, models: Sequence[Named], made: Mapping[str, Tensor], wanted: Named, arithmetic: Arithmetic
) -> dict[str, float]:
    """For each tensor, how far the result is off, in units of what is allowed: right is up to 1.

    Allowed is one unit in the last place of the result's dtype, plus `gain` times the rounding error of
    the arithmetic at the largest of the models' values at that element. What is not finite must be the
    same.
    """
    found: dict[str, float] = {}
    for name, want in wanted.items():
        got = made[name]
        code = situations.code_of(name)
        assert got.code == code, f"{name}: {got.code}"
        assert got.shape == want.shape, f"{name}: {got.shape}"
        found[name] = _error(case, code, [m[name] for m in models], got.values, want, arithmetic)
    return found


def _error(
    case: Case, code: str, inputs: Sequence[Array], got: Array, want: Array, arithmetic: Arithmetic
) -> float:
    if want.size == 0:
        return 0.0
    rounded = rounded_to(code, want).astype(np.float64)
    got = got.astype(np.float64)
    with np.errstate(all="ignore"):
        largest = np.max([np.where(np.isfinite(x), np.abs(x), 0.0) for x in inputs], axis=0)
        allowed = last_place(code, rounded) + case.gain * _EPSILON[arithmetic] * largest
        allowed += np.finfo(np.float32).smallest_subnormal
        off = np.where(np.isfinite(rounded), np.abs(got - rounded) / allowed, 0.0)
        off = np.where(np.isnan(off), np.inf, off)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return float(np.max(np.where(np.isfinite(rounded), off, np.where(same, 0.0, np.inf))))


def in_last_places(
    models: Sequence[Named],
    made: Mapping[str, Tensor],
    wanted: Named,
    *,
    codes: Sequence[str] = situations.CODES,
    least: float = 2.0**-20,
) -> float:
    """The largest error in units in the last place of the result's dtype, where that is finite.

    Results below `least` times the models' values are what is left where larger ones cancel: the unit is
    then that of such a value.
    """
    worst = 0.0
    for name, want in wanted.items():
        code = situations.code_of(name)
        if code not in codes:
            continue
        rounded = rounded_to(code, want).astype(np.float64)
        got = made[name].values.astype(np.float64)
        finite = np.isfinite(rounded) & np.isfinite(got)
        inputs = np.max([np.where(np.isfinite(m[name]), np.abs(m[name]), 0.0) for m in models], axis=0)
        size = np.maximum(np.abs(rounded), inputs * least)[finite]
        off = np.abs(got[finite] - rounded[finite]) / last_place(code, size)
        worst = max(worst, float(np.max(off, initial=0.0)))
    return worst


def masks(bench: Workbench, case: Case, models: Sequence[Named], arithmetic: Arithmetic) -> list[Named]:
    """For each input of a method that drops at random, what it keeps: 1 or 0.

    Found by the linear one of the two methods that draw alike, with one input at a time and nothing
    rescaled: what is kept then differs from the base. DARE's lots do not depend on the values, so that it
    may be given a base of zeros and inputs of ones; DELLA's do.
    """
    method = "della_linear" if case.method.startswith("della") else "dare_linear"
    first = len(case.single)
    if method == "dare_linear":
        models = [
            {n: np.full(x.shape, float(i >= first)) for n, x in m.items()} for i, m in enumerate(models)
        ]
    found: list[Named] = []
    for i in range(case.count):
        per_input = {key: [values[i]] for key, values in case.per_input.items()} | {"weight": [1.0]}
        keys = {"seed": case.keys["seed"], "rescale": "none", "normalize": False}
        alone = Case(method, case.oracle, case.single, 1, keys, per_input)
        given = operation(alone, arithmetic)
        given["inputs"] = {f"m{first + i}": given["inputs"][f"m{first}"]}
        for n, model in enumerate(models):
            # In float32 no difference is rounded away, whatever the models are stored in.
            bench.source(f"m{n}", {name: rounded_to("F32", x) for name, x in model.items()})
        made = bench.build(given)
        found.append({name: _kept(made[name].values, x) for name, x in models[0].items()})
    return found


def _kept(made: Array, base: Array) -> Array:
    """1 where a value differs from the base; not where it is NaN, which dropping makes of infinities."""
    kept: Array = ((made != base) & ~np.isnan(made)).astype(float)
    return kept
