"""Diagnostics of merge methods on tensors of unequal size. MC0375 to MC0379."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0375", "`{tensor}` is larger in `{model}` than in `{base}`{more}")
class LargerThanBase(Diagnostic):
    """A tensor has more rows, or is longer on another axis, than the one of the base that it goes with.

    The usual cause is a vocabulary that was extended: `larger: top_left` then adds the delta to the base
    in the part that both have, the top left, and takes the rest from the delta alone, as the scripts that
    came with Vicuna and LLaVA do. Where most tensors are larger, the delta belongs to a larger model.
    """

    tensor: str
    more: str
    model: str
    base: str


@diagnostic(
    "MC0376",
    "{count} of {total} tensors are larger in `{model}` than in `{base}`",
    severity=Severity.WARNING,
)
class MostAreLarger(Diagnostic):
    """`larger: top_left` is meant for a few tensors that grew, such as embeddings and the output head.

    Where most of them are larger, the delta was made for a model of another size, and adding it to the
    corner of each tensor gives a model that computes nothing of use.
    """

    count: int
    total: int
    model: str
    base: str
    help: str | None = "look whether this is the base that the delta was made from"
