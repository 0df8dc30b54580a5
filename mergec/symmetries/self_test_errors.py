"""Diagnostics of the self-test of symmetries. MC0550-0559."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, diagnostic


@diagnostic(
    "MC0550",
    "permuting {family} changes what `{model}` computes, by {deviation} of its largest output",
    exit_code=ExitCode.VERIFICATION,
)
class FunctionChanged(Diagnostic):
    """A table says that units may be exchanged which may not: the network computes something else then.

    The self-test permutes the units of one family of groups at a time, in all tensors that the table names,
    and compares the function with what it was. What differs by more than rounding can explain is no
    symmetry. Usual causes are a tensor that has the units on another axis too and is listed with `_`,
    attention heads or groups of a norm whose units may only be exchanged within a head or group, as in
    `(h v[h])`, and rotary positions, which tie a unit to its place in the head.
    """

    model: str
    family: str
    deviation: str


@diagnostic("MC0551", "{fault}: `{tensor}`{more} of `{model}`", exit_code=ExitCode.VERIFICATION)
class LawBroken(Diagnostic):
    """Permutations form a group, and applying them must keep its laws, on every tensor and bit for bit.

    The self-test checks that the identity changes nothing, that a permutation and its inverse undo each
    other, that two permutations one after another are their product, and that each tensor holds the same
    values as before. This is a fault of mergec: please report it.
    """

    fault: str
    tensor: str
    more: str
    model: str


@diagnostic("MC0552", "permuting {family} moves nothing in `{model}`", exit_code=ExitCode.VERIFICATION)
class NothingMoved(Diagnostic):
    """A self-test that changes nothing proves nothing.

    All tensors that the family of groups acts on hold the same values for all its units, as in a model that
    was never trained. Test the table with a trained model, or one with random weights.
    """

    model: str
    family: str
    help: str | None = "take a checkpoint that was trained, or initialised at random"


@diagnostic("MC0553", "`--forward {what}`: {problem}", exit_code=ExitCode.USAGE)
class NoForward(Diagnostic):
    """There is no function to compare.

    `--forward FILE.py:FUNCTION` names a function in a Python file. It is given the checkpoint as a dict of
    torch tensors by name and returns the output of the network, a tensor or a list of them, for inputs of
    its own choice. `--forward transformers` makes the model that config.json beside the weights describes,
    with random inputs; the library transformers must be installed, and know the model.
    """

    what: str
    problem: str


@diagnostic("MC0554", "the forward function proves nothing of `{model}`: {problem}", exit_code=ExitCode.USAGE)
class UselessForward(Diagnostic):
    """The function that was given cannot tell whether the network has changed.

    It must return finite floats, the same ones each time (a network in evaluation mode, with fixed inputs),
    and must depend on the tensors that it is given, rather than on weights that it has loaded itself.
    """

    model: str
    problem: str


@diagnostic("MC0555", "there is no symmetry to test")
class NothingToTest(Diagnostic):
    """`mergec check --self-test` tests the tables of `op: align`; the output needs no model that has one."""

    help: str | None = "align a model with `op: align`; `mergec explain align` shows how"
