"""Diagnostics of the execution: what only the bytes can tell. MC07xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


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
