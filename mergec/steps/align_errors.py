"""Diagnostics of aligning one model to another. MC0360 to MC0369 and MC0372 to MC0374."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0360", "`{model}` and `{anchor}` do not hold the same tensors")
class ModelsDiffer(Diagnostic):
    """Two models can be aligned only where both have the same layers, under the same names.

    Models of different depth cannot be aligned. Where only the names differ, `rename:` on a source
    lines them up; `drop:` leaves out what one of them has in addition.
    """

    model: str
    anchor: str


@diagnostic("MC0361", "`{tensor}` is {found} in `{model}` and {wanted} in `{anchor}`{more}")
class WidthsDiffer(Diagnostic):
    """Two models can be aligned only where all permuted tensors have the same shape in both.

    Permutations exchange units; they cannot make a network wider or narrower.
    """

    model: str
    anchor: str
    tensor: str
    more: str
    found: str
    wanted: str
    help: str | None = "models of different width cannot be aligned"


@diagnostic("MC0362", "`together` does not name `{model}`")
class NotTogether(Diagnostic):
    """`together` lists all the models that are aligned at once, and this operation is about one of them.

    Give the same list to each of the operations: then they share one match.
    """

    model: str
    help: str | None = "add it to the list: every model that is permuted belongs there"


@diagnostic("MC0363", "`{tensor}` cannot be permuted: {problem}")
class NotPermutable(Diagnostic):
    """The table permutes a tensor in a way, or of a dtype, for which there is no exact gather.

    Values of less than a byte cannot be moved one by one. Groups that stand on several axes must come
    first on the axis of their parents.
    """

    tensor: str
    problem: str


@diagnostic("MC0364", "there is nothing to match by: {problem}")
class NothingToMatch(Diagnostic):
    """No tensor counts in matching, so that no permutation is better than any other.

    Tensors count that the table permutes, whose entry has no `!`, whose `weights:` are not 0, and that hold
    floats. `permutations:` applies a file of permutations without looking for any.
    """

    problem: str
    help: str | None = "look at `freeze`, `weights` and the table: the weights of some group must count"


@diagnostic("MC0365", "`leave_out`: {problem}")
class BadLeftOut(Diagnostic):
    """`leave_out` names indices of an axis that stays as it is in both models: words, pixels, classes.

    On an axis that is permuted, index 5 is not the same unit in both models.
    """

    problem: str
    help: str | None = "name indices of an axis that the table leaves in order"


@diagnostic("MC0366", "these keys do not go together: {keys}")
class KeysApart(Diagnostic):
    """Permutations are either read from a file or looked for.

    With `permutations:` nothing is matched, and what says how to match has no meaning. `refine:` needs
    `together:`, as there must be several models to take the mean of.
    """

    keys: str


@diagnostic("MC0367", "{path}: {problem}")
class BadPermutations(Diagnostic):
    """A file of permutations does not fit the model.

    It is a safetensors file with an integer tensor for each group that the symmetry has for this model,
    under the group's name: a permutation of 0 to n-1, or for a family a row of these for each member.
    `save_permutations:` and `mergec align` write such files.
    """

    path: str
    problem: str
    help: str | None = "give the file that was written for this model, table and `sizes`"


@diagnostic(
    "MC0368", "the aligned model keeps running statistics (`{tensor}`{more})", severity=Severity.WARNING
)
class RunningStatistics(Diagnostic):
    """The average of aligned networks has activations of less variance than either.

    The running means and variances of BatchNorm are permuted like everything else, but those of an
    average no longer describe its activations. Run the merged network over some training data in
    training mode, without a gradient, to compute them again (as in REPAIR, Jordan et al. 2022).
    """

    tensor: str
    more: str
    help: str | None = (
        "compute them again after a merge: run the merged model over some data in training mode"
    )


@diagnostic("MC0369", "no permutations have to be found")
class NothingToSolve(Diagnostic):
    """`mergec align` finds the permutations that a recipe needs, and this one needs none.

    Either no model that the output is made of is aligned, or all permutations come from files, with
    `permutations:`.
    """

    help: str | None = "align a model that the output needs, with `op: align` and without `permutations:`"


@diagnostic(
    "MC0372",
    "`{delta}` is a difference of weights, and `{model}` is not: they cannot be matched (`{tensor}`{more})",
)
class DifferenceMatched(Diagnostic):
    """Which units belong together is told by what they compute, and a difference computes nothing by itself.

    The units of a task vector are in the order of the model that it was subtracted from. Match that model,
    with `using:`, and the task vector is permuted in the same way.
    """

    delta: str
    model: str
    tensor: str
    more: str


@diagnostic(
    "MC0373",
    "`{adapter}` is folded into `{base}`, whose units are no longer in the order of `{own}`",
    severity=Severity.WARNING,
)
class AdapterOfAnotherOrder(Diagnostic):
    """An adapter belongs to the units of the model that it was trained on, in the order they have there.

    Nothing in its file tells which model that was. One that was trained on the model before it was aligned
    has to be folded in before as well; one that was trained on the anchor fits the aligned model.
    """

    adapter: str
    base: str
    own: str


@diagnostic("MC0374", "the permutations `{path}` cannot be read: {problem}", exit_code=ExitCode.SOURCE)
class UnreadableFile(Diagnostic):
    """The file under `permutations:` is missing, may not be read, or is no safetensors file of integers.

    The path is relative to the recipe's folder.
    """

    path: str
    problem: str
    help: str | None = "`save_permutations:` and `mergec align` write such files"
