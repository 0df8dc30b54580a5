"""The presets of block weights that mergers of Stable Diffusion 1 models share: BASE, then 25 blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

_LAST = 24
_BLOCKS = _LAST + 1
_DIGITS = 12

Curve = Callable[[float], float]


def presets() -> dict[str, tuple[float, ...]]:
    """The 26 numbers of each preset, by its name."""
    found = {
        "GRAD_V": _curve(lambda x: abs(1 - 2 * x)),
        "GRAD_A": _curve(lambda x: 1 - abs(1 - 2 * x)),
        "FLAT_25": _curve(lambda _: 0.25),
        "FLAT_75": _curve(lambda _: 0.75),
        **{f"WRAP{2 * n:02}": _steps((1, n), (0, _BLOCKS - 2 * n), (1, n)) for n in (4, 6, 7, 8)},
        "MID12_50": _steps((0, 5), (0.5, 14), (0, 6)),
        "OUT07": _steps((0, 18), (1, 7)),
        "OUT12": _steps((0, 13), (1, 12)),
        "OUT12_5": _steps((0, 12), (0.5, 1), (1, 12)),
        "RING08_SOFT": _mirrored((0, 5), (0.5, 1), (1, 3), (0.5, 1), (0, 2)),
        "RING08_5": _mirrored((0, 6), (1, 4), (0, 2)),
        "RING10_5": _mirrored((0, 5), (1, 5), (0, 2)),
        "RING10_3": _mirrored((0, 6), (1, 5), (0, 1)),
        "ALL_A": (0.0,) * (_BLOCKS + 1),
        "ALL_B": (1.0,) * (_BLOCKS + 1),
    }
    for name, mirror, curve in _curves():
        found[name] = _curve(curve)
        found[mirror] = tuple(0 if number == 0 else 1 - one for number, one in enumerate(found[name]))
    return {name: tuple(map(_rounded, values)) for name, values in found.items()}


def _rounded(value: float) -> float:
    return int(value) if value in {0, 1} else round(value, _DIGITS)


def _curves() -> list[tuple[str, str, Curve]]:
    """The curves that come with their mirror images: both names, and the first one's values."""
    return [
        ("SMOOTHSTEP", "REVERSE-SMOOTHSTEP", _smooth),
        *((f"SMOOTHSTEP*{n}", f"R_SMOOTHSTEP*{n}", _steeper(n)) for n in (2, 3, 4)),
        *((f"SMOOTHSTEP/{n}", f"R_SMOOTHSTEP/{n}", _repeated(n)) for n in (2, 3, 4)),
        ("COSINE", "REVERSE_COSINE", lambda x: (1 + math.cos(math.pi * x)) / 2),
        ("FAKE_CUBIC_HERMITE", "FAKE_REVERSE_CUBIC_HERMITE", _cubic),
        ("TRUE_CUBIC_HERMITE", "TRUE_REVERSE_CUBIC_HERMITE", _cubic_with_a_jump),
    ]


def _curve(value: Curve) -> tuple[float, ...]:
    return (0.0, *(value(number / _LAST) for number in range(_BLOCKS)))


def _steps(*runs: tuple[float, int]) -> tuple[float, ...]:
    return (0.0, *(value for value, count in runs for _ in range(count)))


def _mirrored(*half: tuple[float, int]) -> tuple[float, ...]:
    """Twelve blocks, one in the middle, and the same twelve backwards."""
    first = [value for value, count in half for _ in range(count)]
    return (0.0, *first, 0.0, *reversed(first))


def _smooth(x: float) -> float:
    return x * x * (3 - 2 * x)


def _folded(y: float) -> float:
    """Up from 0 to 1, down to 0 again, and so on."""
    return 1 - abs(1 - y % 2)


def _steeper(times: int) -> Curve:
    return lambda x: _folded(times * _smooth(x))


def _repeated(times: int) -> Curve:
    return lambda x: _smooth(_folded(times * x))


def _cubic(x: float) -> float:
    return x * (25 + x * (-57 + x * 38)) / 6


def _cubic_with_a_jump(x: float) -> float:
    return 0 if x == 0 else (1 + x * (100 + x * (-231 + x * 154))) / _LAST
