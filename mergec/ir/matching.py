"""What a match is asked to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Span
    from mergec.ir.model_table import ModelTable
    from mergec.ir.symmetry import Symmetry


@dataclass(frozen=True)
class Matching:
    """Permutations of `models` models that bring each as close to an anchor as can be.

    `refine`: the models are then matched to the mean of all others in turn (MergeMany), rather than to
    the anchor alone. Graph nodes are compared by it, so it holds all that can change the result.
    """

    symmetry: Symmetry
    models: int
    seed: int
    max_sweeps: int
    refine: bool = False


class MatchUse(NamedTuple):
    """What a match is for: the model `made` is `moved` with the permutations of row `row` of the result.

    `together` are the models of all rows. `save` is the file to write these to, and `caution` what the
    table says of averaging such models.
    """

    made: str
    moved: str
    anchor: str
    row: int
    together: tuple[str, ...]
    save: Path | None = None
    span: Span | None = None
    caution: str = ""


class AlignedModel(NamedTuple):
    """A model that is permuted on the way to the output, as it is before, and the groups of its units.

    `given` is the file of permutations, where they are not looked for.
    """

    model: ModelTable
    anchor: str
    symmetry: Symmetry
    given: str | None
    span: Span | None
