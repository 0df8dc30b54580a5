"""Normal random values that depend on nothing but seed, name and position.

Bits come from the counter-based Philox-4x64-10 generator (Salmon et al., SC 2011), one counter
range per block of elements. They become normal values by the inverse distribution function of
Wichura (AS 241, 1988), computed with additions, multiplications, divisions and square roots only:
these are exact to the last bit on every machine, which library logarithms are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mergec.kernels.philox import key_of

BLOCK = 1 << 14

Floats = NDArray[np.float64]

# ruff: noqa: E501  # the tables are printed as the paper prints them

_CENTRE_NUMERATOR = (
    3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
)  # fmt: skip
_CENTRE_DENOMINATOR = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
)  # fmt: skip
_MIDDLE_NUMERATOR = (
    1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
)  # fmt: skip
_MIDDLE_DENOMINATOR = (
    1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
)  # fmt: skip
_TAIL_NUMERATOR = (
    6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_TAIL_DENOMINATOR = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
)  # fmt: skip


def normal_values(seed: int, name: str, deviation: float, start: int, count: int) -> NDArray[np.float32]:
    """Elements start to start + count of the sequence of a seed and a tensor name."""
    first, last = start // BLOCK, -(-(start + count) // BLOCK)
    blocks = [_block(seed, name, block) for block in range(first, last)]
    values = np.concatenate(blocks) if blocks else np.empty(0)
    offset = start - first * BLOCK
    return (values[offset : offset + count] * deviation).astype(np.float32)


def _block(seed: int, name: str, block: int) -> Floats:
    # A counter advances once per four values, so blocks lie BLOCK / 4 counters apart.
    generator = np.random.Philox(key=key_of(f"{seed}:{name}"), counter=block * (BLOCK // 4))
    # 52 bits: with a half added they are exact in float64, so that no probability rounds up to 1.
    bits = generator.random_raw(BLOCK) >> np.uint64(12)
    return _quantile((bits.astype(np.float64) + 0.5) * 2.0**-52)


def _quantile(probability: Floats) -> Floats:
    """The value below which a standard normal falls with this probability (AS 241, PPND16)."""
    q = probability - 0.5
    r = 0.180625 - q * q
    values = q * _polynomial(_CENTRE_NUMERATOR, r) / _polynomial(_CENTRE_DENOMINATOR, r)
    outer = np.abs(q) > 0.425
    tail = np.minimum(probability[outer], 1.0 - probability[outer])
    r = np.sqrt(-_log(tail))
    middle = r - 1.6
    far = r - 5.0
    outer_values = np.where(
        r <= 5.0,
        _polynomial(_MIDDLE_NUMERATOR, middle) / _polynomial(_MIDDLE_DENOMINATOR, middle),
        _polynomial(_TAIL_NUMERATOR, far) / _polynomial(_TAIL_DENOMINATOR, far),
    )
    values[outer] = np.where(q[outer] < 0, -outer_values, outer_values)
    return values


def _polynomial(coefficients: tuple[float, ...], x: Floats) -> Floats:
    result = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result *= x
        result += coefficient
    return result


def _log(x: Floats) -> Floats:
    """The natural logarithm to within a few units in the last place, by the series of atanh.

    log(m 2^e) = e log 2 + 2 atanh((m - 1) / (m + 1)) with m between sqrt(1/2) and sqrt(2).
    """
    mantissa, exponent = np.frexp(x)
    small = mantissa < 0.7071067811865476
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    exponent = exponent - small
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = np.full_like(s, 1.0 / 25.0)
    for odd in range(23, 0, -2):
        series *= square
        series += 1.0 / odd
    return exponent * 0.6931471805599453 + 2.0 * s * series
