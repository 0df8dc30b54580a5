"""Deltas with elements dropped at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor
    from mergec.methods.pieces.deltas import Delta
    from mergec.methods.random import Random

_LEAST = 2.0**-126  # less than any probability of what is kept, so that nothing divided by it is nothing


def dropped_at_random(delta: Delta, density: float, random: Random) -> Tensor:
    """Each element kept with the probability `density`, else times 0; nothing is drawn where it is 0 or 1."""
    tensor = delta.tensor
    if density >= 1:
        return tensor
    if density <= 0:
        return tensor * 0.0
    return tensor * random.kept(tensor, delta.at, density)


def dropped_by_rank(
    delta: Delta, density: float, epsilon: float, random: Random, *, rescale_each: bool
) -> Tensor:
    """Each element kept with a probability that grows with its rank by magnitude within its row.

    From `density - epsilon` for the smallest to `density + epsilon` for the largest. `rescale_each` divides
    each by its own probability.
    """
    tensor = delta.tensor
    if density >= 1:
        return tensor
    if density <= 0:
        return tensor * 0.0
    shape = tensor.shape
    rows = tensor.flattened() if len(shape) > 1 else tensor.reshape(1, *shape)
    length = rows.shape[1] if len(rows.shape) > 1 else 1
    if length < 2:
        return dropped_at_random(delta, density, random) / (density if rescale_each else 1.0)
    rank = abs(rows).row_rank()
    probability = (rank * (2 * epsilon / (length - 1)) + (density - epsilon)).reshape(*shape)
    kept = tensor * random.uniform(tensor, delta.at).below(probability)
    return kept / probability.maximum(_LEAST) if rescale_each else kept


def check_window(density: float, epsilon: float) -> str | None:
    """What is wrong with probabilities that reach so far to both sides of a density."""
    if density in {0.0, 1.0} or (density >= epsilon and density + epsilon <= 1):
        return None
    return (
        f"with a density of {density:g} and an epsilon of {epsilon:g} some probabilities are not from 0 to 1"
    )
