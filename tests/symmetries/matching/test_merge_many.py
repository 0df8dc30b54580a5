from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.symmetries.element import identity, inverse, permuted, random_element
from tests.symmetries.matching.topologies import (
    ALL,
    experts,
    llama,
    match,
    mlp,
    noisy,
    residual,
    weights,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from mergec.ir.symmetry import Symmetry
    from tests.symmetries.matching.topologies import Tensors


def distances(
    symmetry: Symmetry, models: list[Tensors], elements: tuple[npt.NDArray[np.int32], ...]
) -> float:
    """The squared distances between all pairs, added up."""
    turned = [models[0], *(permuted(symmetry, e, m) for e, m in zip(elements, models[1:], strict=True))]
    names = [name for tensor in symmetry.tensors if tensor.weight for name in tensor.names]
    return sum(
        float(((a[name].astype(float) - b[name].astype(float)) ** 2).sum())
        for a, b in combinations(turned, 2)
        for name in names
    )


@pytest.mark.parametrize(
    "symmetry", [mlp(8, 20, 20, 5), residual(8, 12, 20, 2, 4), experts(), llama(layers=1)]
)
def test_it_is_at_least_as_good_as_aligning_to_the_anchor(symmetry: Symmetry) -> None:
    is_better = False
    for seed in range(3):
        models = [weights(symmetry, 10 * seed + i) for i in range(4)]
        plain, refined = (match(symmetry, *models, refine=refine) for refine in (False, True))
        before, after = (distances(symmetry, models, found.elements) for found in (plain, refined))
        assert after <= before * (1 + 1e-9)
        is_better |= after < before * (1 - 1e-6)
    assert is_better


@pytest.mark.parametrize("name", ALL)
def test_planted_elements_are_recovered(name: str) -> None:
    symmetry = ALL[name]
    anchor = weights(symmetry, 0)
    planted = [random_element(symmetry, seed) for seed in (1, 2)]
    models = [permuted(symmetry, element, noisy(anchor, 0.2, seed)) for seed, element in enumerate(planted)]
    found = match(symmetry, anchor, *models, refine=True)
    for element, expected in zip(found.elements, planted, strict=True):
        np.testing.assert_array_equal(element, inverse(symmetry, expected))


def test_copies_of_one_model_stay() -> None:
    symmetry = mlp(8, 20, 20, 5)
    model = weights(symmetry, 0)
    found = match(symmetry, model, model, model, refine=True)
    assert all(np.array_equal(element, identity(symmetry)) for element in found.elements)


def test_nobody_sees_how_many_worked_on_it() -> None:
    symmetry = residual(8, 12, 20, 2, 4)
    models = [weights(symmetry, i) for i in range(3)]
    one, other = (match(symmetry, *models, refine=True, workers=workers) for workers in (1, 3))
    for element, expected in zip(one.elements, other.elements, strict=True):
        np.testing.assert_array_equal(element, expected)
    assert one.models == other.models
