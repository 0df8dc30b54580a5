"""Diagnostics of merge methods: what they are given that they cannot take. MC0375 to MC0389."""

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


@diagnostic("MC0377", "{what} is {value} for `{tensor}`{more}; it must be {allowed}")
class OutOfRange(Diagnostic):
    """A parameter has a value that the method is not defined for, such as a density above 1.

    A schedule may give each tensor another value: the message names the first tensor whose value is
    outside. `mergec explain NAME` lists the parameters of a method with their ranges.
    """

    what: str
    value: str
    tensor: str
    more: str
    allowed: str


@diagnostic("MC0378", "`{operation}` takes {wanted} models, and `{key}` names {count}")
class WrongNumberOfInputs(Diagnostic):
    """A method is given fewer models than it compares, or more than it is defined for."""

    operation: str
    wanted: str
    key: str
    count: int


@diagnostic("MC0379", "`{base}` is the base of `{model}` and also under `{key}`")
class BaseAmongInputs(Diagnostic):
    """The base is listed among the models that were trained from it.

    Its difference to itself is zero: it would take part in votes and averages with nothing to say, and
    weaken what the others have.
    """

    base: str
    model: str
    key: str


@diagnostic("MC0380", "no block matches `{name}`{more}")
class UncoveredByBlocks(Diagnostic):
    """Every tensor of the models must be matched by a pattern under `blocks:`.

    The first pattern that matches a tensor decides which method it gets. End the blocks with `"**": keep`
    to take all others unchanged from the base, or with a method for them.
    """

    name: str
    more: str
