from __future__ import annotations

import numpy as np
import pytest

from mergec.symmetries.element import permuted, random_element
from mergec.symmetries.matching.permuted_operand import MeanOperand
from tests.symmetries.matching.topologies import ALL, operands, weights


@pytest.mark.parametrize("name", ALL)
def test_rows_are_the_mean_of_what_the_elements_make(name: str) -> None:
    symmetry = ALL[name]
    models = [weights(symmetry, seed, "float64") for seed in (1, 2)]
    elements = [random_element(symmetry, seed) for seed in (3, 4)]
    turned = [permuted(symmetry, *pair) for pair in zip(elements, models, strict=True)]
    every = [operands(symmetry, model) for model in models]
    start = 0
    for tensor in symmetry.tensors:
        if not tensor.weight:
            continue
        stop = start + len(tensor.names)
        own = [(held[start:stop], element) for held, element in zip(every, elements, strict=True)]
        for number, tensor_name in enumerate(tensor.names):
            mean = MeanOperand(symmetry, tensor, number, own)
            expected = np.mean(np.stack([np.asarray(side[tensor_name], float) for side in turned]), axis=0)
            assert mean.shape == expected.shape
            last = len(expected)
            for first, end in ((0, last), (last // 2, last), (0, 1)):
                np.testing.assert_allclose(mean.rows(first, end), expected[first:end], rtol=1e-12)
        start = stop
