"""Diagnostics of the execution: what only the bytes can tell. MC07xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0701", "the integer tensor `{tensor}` differs between the inputs (first at element {element})")
class IntegersDiffer(Diagnostic):
    """Integer and boolean tensors are never averaged, and these are not the same in all inputs.

    Counters such as `num_batches_tracked` and index tables such as `position_ids` have no meaningful
    mean. `base: NAME` on the operation takes them from that model; `drop:` on a source leaves them
    out. They are compared before anything else is computed.
    """

    tensor: str
    element: int
    help: str | None = "say whose to take with `base:` on the operation, or leave the tensor out with `drop:`"


@diagnostic("MC0702", "{what} holds a value that is not a finite number")
class NotFiniteValues(Diagnostic):
    """An adapter's tensors must be finite: a NaN or an infinity in a factor spoils whole rows.

    A training run that diverged leaves such values. They are found while the output is written, as
    the values of weights are not read before; the output path is as it was.
    """

    what: str = "an adapter"
    file: int = -1
    offset: int = 0
    help: str | None = "the training run diverged: take an earlier checkpoint of the adapter"


@diagnostic(
    "MC0704", "`{tensor}` of `{model}` holds a value that is not a finite number, at element {element}"
)
class NotFiniteInMatch(Diagnostic):
    """A model that is to be aligned, or that others are aligned to, holds a NaN or an infinity.

    Which units belong together is told by inner products of weights, and these would not be numbers. All
    tensors that count in matching are looked at before the first permutation is sought. Elements are
    counted from 0, in the order in which they are stored.
    """

    model: str
    tensor: str
    element: int


@diagnostic(
    "MC0705",
    "`{model}` was trained apart from `{anchor}`: their average may be worse than either",
    severity=Severity.WARNING,
)
class AverageWithCare(Diagnostic):
    """Permutations were found that are not the identity, for a kind of model whose averages are often poor.

    Two networks that were trained apart lie in different valleys of the loss. For wide networks of simple
    shape permutations bring them together; for transformers they lower the barrier between them and leave
    much of it. The permuted model itself computes what it did before. Measure what you have merged.
    """

    model: str
    anchor: str


@diagnostic("MC0703", "`{tensor}`{more} in the output: not all values are finite", severity=Severity.WARNING)
class OutputNotFinite(Diagnostic):
    """A computed tensor holds infinities or NaN.

    Either a source holds them already, or values grew too large for the dtype they are written in:
    float16 ends at 65,504, bfloat16 and float32 at 3.4e38. The output is written all the same, as some
    models hold such values on purpose. Tensors that are only copied are not looked at.
    """

    tensor: str
    more: str
    help: str | None = "look at the sources and strengths; where float16 is too small, say `dtype: bfloat16`"
