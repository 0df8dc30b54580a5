"""Making up for elements that were dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mergec.ir.reductions import scalars, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor
    from mergec.methods.parameter import Compat

Rescale = Literal["density", "l1", "none"]
RESCALE = "make up for what was dropped: by 1/density, so that sums of absolute values stay (l1), or not"


def rescaled(kept: Tensor, whole: Tensor, density: float, rescale: Rescale, compat: Compat) -> Tensor:
    """What was kept of a delta, made larger for what was dropped."""
    if rescale == "none" or density in {0.0, 1.0}:
        return kept
    if rescale == "density":
        return kept / density
    floor = 0.0 if compat is None else 1e-7
    return kept * scalars(_ratio, sums([abs(whole), abs(kept)]), size=1, constants=(floor,))[0]


def _ratio(norms: Any, floor: float) -> Sequence[float]:  # noqa: ANN401  # an array of numpy
    """||d||_1 / ||kept||_1; 1 where there is next to nothing to compare."""
    whole, kept = norms
    is_nothing = kept == 0 if floor == 0 else min(whole, kept) < floor
    return [1.0 if is_nothing else whole / kept]
