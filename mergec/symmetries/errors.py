"""Diagnostics about the text of symmetry tables and what they match. MC0501 to MC0511."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0501", "the axes `{text}` cannot be read: {reason}")
class BadAxes(Diagnostic):
    """The axes of a tensor are written as one entry for each dimension, with blanks between them.

    `_` is an axis that stays, a number one of that size, a name a group whose indices may be exchanged.
    `(a b)` is an axis of a times b indices, `(a | b)` one of a and then b. `q[kv]` is a family: a
    permutation of q for each index of kv. `!` at the end leaves the tensor out of matching.
    """

    text: str
    reason: str


@diagnostic("MC0502", "there is no symmetry table `{name}`")
class UnknownTable(Diagnostic):
    """`symmetry:` and `extends:` take the name of a table that mergec brings.

    A path to a table of your own ends in `.yaml` or `.yml`; a table may also stand in the recipe itself.
    """

    name: str


@diagnostic("MC0503", "the symmetry table `{path}` cannot be read: {problem}", exit_code=ExitCode.SOURCE)
class UnreadableTable(Diagnostic):
    """The file of a symmetry table is missing, may not be read, or is not UTF-8 text.

    The path is relative to the recipe's folder.
    """

    path: str
    problem: str
    help: str | None = "the path is relative to the recipe's folder"


@diagnostic("MC0504", "the symmetry table: {problem}")
class BadTable(Diagnostic):
    """A part of a symmetry table is of the wrong kind or makes no sense.

    `tensors` maps patterns to axes, or a pattern of layers to a mapping of patterns below it; a list of
    axes stands for the first that fits. Every group of a layer is one of its own unless it is `shared`.
    """

    problem: str


@diagnostic("MC0505", "{what} has no meaning: {problem}")
class BadSize(Diagnostic):
    """Sizes are numbers, keys of config.json, and arithmetic with `+ - * /` on these.

    `a or b` is b where config.json has no a. A size is a whole number of at least 1; `when` holds where it
    is not 0, and `true` is 1.
    """

    what: str
    problem: str


@diagnostic("MC0506", "the config.json of `{model}` has no `{key}`, which gives the size of `{group}`")
class MissingConfigValue(Diagnostic):
    """A size of the symmetry table comes from config.json, and the key is not there.

    The shapes alone do not tell it either. The step's `sizes` gives it by hand.
    """

    model: str
    key: str
    group: str


@diagnostic("MC0507", "the shapes of `{model}` do not tell the size of `{group}`")
class UnknownSize(Diagnostic):
    """A group stands only in products with other unknown sizes.

    An axis tells one size that is not known yet: of `(h qk[h])` either h or qk must be given.
    """

    model: str
    group: str


@diagnostic("MC0508", "the symmetry table says nothing about `{tensor}` of `{model}`{more}")
class UnlistedTensors(Diagnostic):
    """Every tensor of the model must be listed in the symmetry table.

    One that is forgotten keeps its order while its neighbours are permuted, which breaks the model
    without an error anywhere. What has nothing to permute is listed with `_` for each dimension, or
    under `fixed`.
    """

    model: str
    tensor: str
    more: str


@diagnostic("MC0509", "`{tensor}` has {found}, and the table names {named}")
class WrongAxisCount(Diagnostic):
    """The symmetry table must name one entry for each dimension of a tensor.

    `_` stands for a dimension that is not permuted.
    """

    tensor: str
    found: str
    named: str


@diagnostic("MC0510", "`{tensor}` cannot be stacked by the group `{group}`: {problem}")
class BrokenStack(Diagnostic):
    """A group of numbers in names, such as the experts of a layer, must be complete.

    Where a pattern captures a group, `experts.{e:int}.w1.weight: ffn[e] _`, its tensors are one with a
    first axis `e`; their numbers begin at 0 and have no gap, and all have one shape.
    """

    tensor: str
    group: str
    problem: str


@diagnostic("MC0511", "the chain breaks at `{module}`: {problem}")
class BrokenChain(Diagnostic):
    """A chain is a run of linear or convolution layers, each of which reads what the one before gives.

    Normalisation layers between them act on the same units. Anything else has to be written out under
    `tensors`.
    """

    module: str
    problem: str


@diagnostic(
    "MC0512",
    "`{group}` stands on two axes of `{tensor}`{more}",
    severity=Severity.WARNING,
)
class QuadraticGroup(Diagnostic):
    """One permutation acts on two axes of a tensor, as in the recurrent weights of an LSTM.

    That is allowed where it is meant. Matching then is a quadratic problem: what is found is improved step
    by step, and may be less than the best.
    """

    group: str
    tensor: str
    more: str
    help: str | None = "where it is not meant, one of the axes is another group, or stays: `_`"


@diagnostic("MC0513", "no group of the symmetry table is called `{name}`")
class UnknownGroup(Diagnostic):
    """A name of a group stands on no axis of the table, or on none that this model has.

    It is in `freeze` or `sizes` of the step, or in `shared`, `sizes`, `equal` or `frozen` of the table. A
    group of one layer is called by the layer and the group, `model.layers.3/ffn`; `ffn` is that of every
    layer.
    """

    name: str
