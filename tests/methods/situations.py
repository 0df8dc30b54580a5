"""Tensors to merge: one for each situation that a method may meet, for several models at once.

Decisions (which is larger, which sign wins) are the same in float32 and float64 where values lie on a
grid of 2^-10 below 8, of which sums of a few are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.conftest import rounded_to, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.conftest import Array, Raw

    Maker = Callable[[np.random.Generator, int], list[Array]]
    Named = dict[str, Array]

CODES = ("F32", "BF16", "F16")
# The first model in one dtype and the others in two more: a base in bfloat16 with fine-tunes in others, ...
_MIXED = ("BF16-F32-F16", "F16-BF16-F32", "F32-F16-BF16")
# Whether a situation is met does not depend on the dtype; a few are, to see what it does.
_OF_ALL_CODES = {"matrix", "vector", "ties", "equal_tuned", "opposite", "nan", "inf", "zero_base"}
_OF_MIXED = ("matrix", "convolution", "vector", "ties", "zero_base")
_SHAPE = (12, 20)
# The largest and the smallest scale; float16 holds less.
_SCALES = {"F32": 1e15, "BF16": 1e15, "F16": 1e3}
_EXTREMES = {"F32": 1e30, "BF16": 1e30, "F16": 2e4}


def _grid(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    steps = generator.integers(-(1 << 11), 1 << 11, shape)
    return np.ldexp(steps.astype(np.float64), -10)


def _family(generator: np.random.Generator, models: int, shape: tuple[int, ...]) -> list[Array]:
    """A base, and models that differ from it by a fraction."""
    base = _grid(generator, shape)
    return [base, *(base + _grid(generator, shape) / 8 for _ in range(models - 1))]


def _matrix(generator: np.random.Generator, models: int) -> list[Array]:
    return _family(generator, models, _SHAPE)


def _apart(generator: np.random.Generator, models: int) -> list[Array]:
    return [_grid(generator, _SHAPE) for _ in range(models)]


def _convolution(generator: np.random.Generator, models: int) -> list[Array]:
    return _family(generator, models, (6, 4, 3, 3))


def _vector(generator: np.random.Generator, models: int) -> list[Array]:
    return _family(generator, models, (30,))


def _wide(generator: np.random.Generator, models: int) -> list[Array]:
    return _family(generator, models, (5, 130))


def _one(generator: np.random.Generator, models: int) -> list[Array]:
    return _family(generator, models, (1,))


def _scalar(generator: np.random.Generator, models: int) -> list[Array]:
    return _family(generator, models, ())


def _empty(_: np.random.Generator, models: int) -> list[Array]:
    return [np.zeros((0, 4))] * models


def _zeros(_: np.random.Generator, models: int) -> list[Array]:
    return [np.zeros(_SHAPE)] * models


def _zero_base(generator: np.random.Generator, models: int) -> list[Array]:
    return [np.zeros(_SHAPE), *(_grid(generator, _SHAPE) for _ in range(models - 1))]


def _one_zero(generator: np.random.Generator, models: int) -> list[Array]:
    made = _apart(generator, models)
    made[-1] = np.zeros(_SHAPE)
    return made


def _equal(generator: np.random.Generator, models: int) -> list[Array]:
    return [_grid(generator, _SHAPE)] * models


def _equal_tuned(generator: np.random.Generator, models: int) -> list[Array]:
    """A base, and models that are the same."""
    base, tuned = _family(generator, 2, _SHAPE)
    return [base, *[tuned] * (models - 1)]


def _antipodal(generator: np.random.Generator, models: int) -> list[Array]:
    """A base, and models that differ from it in opposite directions; they too are opposite to each other."""
    one = _grid(generator, _SHAPE)
    return [np.zeros(_SHAPE), *(one * (-1) ** i for i in range(models - 1))]


def _opposite(generator: np.random.Generator, models: int) -> list[Array]:
    one = _grid(generator, _SHAPE)
    return [one * (-1) ** i for i in range(models)]


def _ties(generator: np.random.Generator, models: int) -> list[Array]:
    """Many differences of equal magnitude, and zeros."""
    base = _grid(generator, _SHAPE)
    return [base, *(base + generator.integers(-2, 3, _SHAPE) / 4 for _ in range(models - 1))]


def _with(value: float, model: int) -> Maker:
    def make(generator: np.random.Generator, models: int) -> list[Array]:
        made = _matrix(generator, models)
        made[min(model, models - 1)].flat[7] = value
        return made

    return make


def _zero_rows(generator: np.random.Generator, models: int) -> list[Array]:
    """Rows and columns in which models are the base, or nothing."""
    made = _matrix(generator, models)
    for x in made[1:]:
        x[2], x[:, 3] = made[0][2], made[0][:, 3]
    for x in made:
        x[4], x[:, 5] = 0.0, 0.0
    return made


ORDINARY: Mapping[str, Maker] = {
    "matrix": _matrix,
    "apart": _apart,
    "convolution": _convolution,
    "vector": _vector,
    "wide": _wide,
    "one": _one,
    "scalar": _scalar,
    "empty": _empty,
    "zeros": _zeros,
    "zero_base": _zero_base,
    "one_zero": _one_zero,
    "equal": _equal,
    "equal_tuned": _equal_tuned,
    "antipodal": _antipodal,
    "opposite": _opposite,
    "ties": _ties,
    "zero_rows": _zero_rows,
}
BROKEN: Mapping[str, Maker] = {
    "nan": _with(np.nan, 1),
    "nan_last": _with(np.nan, 3),
    "nan_base": _with(np.nan, 0),
    "inf": _with(np.inf, 1),
    "minus_inf": _with(-np.inf, 2),
    "inf_base": _with(np.inf, 0),
}


def tensors(models: int, *, broken: bool = True, scales: bool = True, extremes: bool = False) -> list[Named]:
    """For each model, its tensors by name; a name is a dtype's code, a dot and a situation.

    Several codes, with dashes between, are those of one model after another. Values are float64, already
    rounded to that dtype. `extremes` is for float64 arithmetic, where not even products of three values
    leave the range.
    """
    makers = {**ORDINARY, **(BROKEN if broken else {})}
    made: list[Named] = [{} for _ in range(models)]
    for code in CODES:
        drawn = {
            name: make(_generator(code, name), models)
            for name, make in makers.items()
            if code == CODES[0] or name in _OF_ALL_CODES
        }
        sizes = {"huge": _SCALES[code], "tiny": 1 / _SCALES[code]} if scales else {}
        if extremes:
            sizes |= {"largest": _EXTREMES[code], "smallest": 1 / _EXTREMES[code]}
        for name, size in sizes.items():
            drawn[name] = [x * size for x in _matrix(_generator(code, name), models)]
        _put(made, code, drawn)
    for codes in _MIXED:
        _put(made, codes, {name: makers[name](_generator(codes, name), models) for name in _OF_MIXED})
    return made


def _put(made: Sequence[Named], codes: str, drawn: Mapping[str, Sequence[Array]]) -> None:
    for name, values in drawn.items():
        for at, (model, x) in enumerate(zip(made, values, strict=True)):
            whole = f"{codes}.{name}"
            model[whole] = rounded_to(code_of(whole, at), x).astype(np.float64)


def code_of(name: str, model: int = 0) -> str:
    """The dtype of a model's tensor. That of a result is the first model's."""
    codes = name.partition(".")[0].split("-")
    return codes[model % len(codes)]


def _generator(*keys: str) -> np.random.Generator:
    return np.random.default_rng(list(" ".join(keys).encode()))


def as_stored(model: Named, at: int) -> dict[str, Array | Raw]:
    """The tensors of the model at this place as they are written into a file."""
    return {name: stored(code_of(name, at), values) for name, values in model.items()}
