"""BOFT with several stages, which PEFT itself can only compute on a GPU: against its formula."""

from __future__ import annotations

import numpy as np
import pytest

from mergec.adapters.peft.dialect import Peft
from tests.adapters.evaluate import folded_by


def stage_permutation(inputs: int, blocks: int, half: int) -> np.ndarray:
    """The matrix of a butterfly: in each block the runs at even places, then those at odd ones."""
    size = inputs // blocks
    made = np.zeros((inputs, inputs))
    for block in range(blocks):
        runs = np.arange(size).reshape(-1, half)
        order = np.concatenate([runs[::2], runs[1::2]]).ravel()
        for at, origin in enumerate(order):
            made[block * size + at, block * size + origin] = 1
    return made


@pytest.mark.parametrize(("stages", "count", "size"), [(1, 2, 4), (2, 4, 2), (2, 4, 4), (3, 4, 4)])
def test_boft(stages: int, count: int, size: int) -> None:
    rng = np.random.default_rng(stages)
    inputs = count * size
    weight, scale = rng.normal(size=(5, inputs)), rng.normal(size=(5, 1))
    generators = rng.normal(size=(stages, count, size, size)) * 0.2
    rotation = np.eye(inputs)
    for stage in range(stages):
        blocks = np.zeros((inputs, inputs))
        for block in range(count):
            g = generators[stage, block]
            q, one = (g - g.T) / 2, np.eye(size)
            at = slice(block * size, (block + 1) * size)
            blocks[at, at] = (one - q) @ np.linalg.inv(one + q)
        order = stage_permutation(inputs, count >> stage, size // 2) if stages > 1 else np.eye(inputs)
        rotation = order @ blocks @ order.T @ rotation
    wanted = (rotation @ weight.T).T * scale
    adapter = {"base_model.model.q.boft_R": generators, "base_model.model.q.boft_s": scale}
    made = folded_by(Peft(), {"q.weight": weight}, adapter, {"peft_type": "BOFT"})
    np.testing.assert_allclose(made["q.weight"], wanted, rtol=1e-12, atol=1e-12)
