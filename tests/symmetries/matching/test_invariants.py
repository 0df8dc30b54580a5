from __future__ import annotations

import numpy as np
import pytest

from mergec.symmetries.element import identity, permuted, random_element
from mergec.symmetries.matching.cluster import clusters_of
from mergec.symmetries.matching.gram import Pair
from mergec.symmetries.matching.invariants import InvariantGram
from mergec.symmetries.matching.objective import size
from mergec.symmetries.matching.part import parts_of
from tests.symmetries.matching.topologies import match, operands, planted, residual, weights


def test_they_do_not_see_the_order_of_the_other_axis() -> None:
    symmetry = residual(3, 10, 20, 2, 3)
    parts = parts_of(symmetry)
    cluster = next(cluster for cluster in clusters_of(symmetry, parts) if cluster.name == "res")
    model = weights(symmetry, 0)
    others = [number for number in range(len(symmetry.groups)) if number != cluster.root.group]
    turned = permuted(symmetry, random_element(symmetry, 1, others), model)
    own, other = operands(symmetry, model), operands(symmetry, turned)
    for term in cluster.terms:
        found = []
        for moving in (own, other):
            pair = Pair(symmetry, own, moving, identity(symmetry))
            gram = InvariantGram(pair, term, size(parts[term.part], own, moving))
            out = np.zeros((10, 10))
            gram.add(out, range(10), range(10), 1.0)
            found.append(out)
        np.testing.assert_allclose(found[0], found[1], atol=1e-10)


@pytest.mark.parametrize(("width", "hidden"), [(30, 50), (64, 256)])
def test_a_network_of_one_input_is_recovered_from_noise(width: int, hidden: int) -> None:
    symmetry = residual(1, width, hidden, 2, 1)
    for seed in range(10):
        anchor, moved, element = planted(symmetry, seed, noise=0.5)
        np.testing.assert_array_equal(match(symmetry, anchor, moved, seed=seed).elements[0], element)
