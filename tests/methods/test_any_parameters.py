"""Methods that decide by rank and sign, with any densities, weights and ties among the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.methods.oracles import sparsified

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Array, Workbench

_ORACLES: dict[str, Callable[..., Array]] = {
    "ties": sparsified.ties,
    "breadcrumbs": sparsified.breadcrumbs,
    "breadcrumbs_ties": sparsified.breadcrumbs_ties,
}
# Multiples of 1/4, of which sums and products are exact, so that a vote that ends even does in any dtype.
_QUARTERS = st.integers(-8, 8).map(lambda n: n / 4)
_SHARES = st.floats(0, 1)


@st.composite
def merges(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[Array]]:
    """A method, its parameters by input, and the base with three models."""
    method = draw(st.sampled_from(sorted(_ORACLES)))
    shape = draw(st.lists(st.integers(0, 5), max_size=3).map(tuple))
    models = draw(st.lists(arrays(np.float32, shape, elements=_QUARTERS), min_size=4, max_size=4))
    keys: dict[str, Any] = {"weight": draw(st.lists(_QUARTERS, min_size=3, max_size=3))}
    keys["density"] = draw(st.lists(_SHARES, min_size=3, max_size=3))
    if method != "ties":
        keys["gamma"] = draw(st.lists(_SHARES, min_size=3, max_size=3))
    return method, keys, models


@settings(max_examples=40)
@given(merge=merges(), is_compat=st.booleans())
def test_equals_its_oracle_whatever_the_parameters(
    new_bench: Callable[[], Workbench],
    merge: tuple[str, dict[str, Any], list[Array]],
    is_compat: bool,  # noqa: FBT001  # drawn
) -> None:
    method, keys, models = merge
    bench = new_bench()
    for i, model in enumerate(models):
        bench.source(f"m{i}", {"x": model})
    inputs = {f"m{i + 1}": {key: values[i] for key, values in keys.items()} for i in range(3)}
    more: dict[str, Any] = {"compat": "mergekit-0.1"} if is_compat else {}
    made = bench.build({"op": method, "base": "m0", "inputs": inputs, "arithmetic": "float64", **more})
    base, *tuned = (model.astype(np.float64) for model in models)
    wanted = _ORACLES[method](base, tuned, **keys, **more)
    np.testing.assert_array_equal(made["x"].values, wanted.astype(np.float32))
