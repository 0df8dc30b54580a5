"""Diagnostics of the check stage: what is known to be wrong from headers alone. MC04xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


@diagnostic("MC0401", "shapes differ for `{tensor}`{more}")
class ShapeMismatch(Diagnostic):
    """Two tensors that are to be combined have different shapes.

    The notes name both files with both shapes. Tensors of one name but different shapes usually
    belong to models of different size, to a vocabulary that was extended, or to a transposed layer
    (a rename rule with `transpose:` helps there). `where:` restricts an operation to the tensors that
    do fit.
    """

    tensor: str
    more: str


@diagnostic("MC0402", "`{tensor}`{more} cannot be computed with: {dtypes}")
class DTypeMismatch(Diagnostic):
    """Tensors of these dtypes cannot be combined.

    Arithmetic works on float64, float32, bfloat16 and float16. 8-bit and smaller floats need their
    scales to mean anything, and complex numbers are not weights: both are copied, never averaged.
    Integers are carried along when they are equal in all inputs, or taken from `base:`.
    """

    tensor: str
    dtypes: str
    more: str


@diagnostic("MC0403", "the weights of `{model}` sum to {total}, not 1, for `{tensor}`{more}")
class WeightsDoNotSumToOne(Diagnostic):
    """A weighted sum of models whose weights do not sum to 1 scales the model.

    Almost always that is a slip: 0.6 and 0.5, or a schedule changed on one input only. Write
    `weight: rest` on one input to make it 1 minus the others, `normalize: true` to divide by the sum,
    or `allow_scaling: true` when a scaled model is what you want.
    """

    model: str
    tensor: str
    total: str
    more: str


@diagnostic("MC0404", "{place} must be a delta, but it has degree {degree} (`{tensor}`{more})")
class NotADelta(Diagnostic):
    """A model of weights stands where a difference of weights is needed.

    Adding whole weights to weights doubles the model. `op: delta` (or `a - b`) makes a delta, and
    `kind: delta` on a source says that its file holds one.
    """

    place: str
    degree: str
    tensor: str
    more: str


@diagnostic("MC0405", "the output has degree {degree}, not {wanted} (`{tensor}`{more})")
class WrongOutputDegree(Diagnostic):
    """The output is not a checkpoint of weights: its inputs do not add up to one model.

    Weights have degree 1, differences have degree 0, and degrees add up as the values do. A result of
    degree 0 is a task vector (say `kind: delta` under `output:` to write one), of degree 2 a sum of
    two models. The notes show the arithmetic.
    """

    degree: str
    wanted: str
    tensor: str
    more: str


@diagnostic("MC0406", "`{name}` cannot be written to a safetensors file")
class UnwritableName(Diagnostic):
    """The output would hold a tensor whose name the file format reserves or cannot hold.

    `__metadata__` is where a file keeps its own description, and names are Unicode text.
    """

    name: str


@diagnostic("MC0407", "`{tensor}`{more} cannot be rounded to {dtype}")
class NotRoundable(Diagnostic):
    """Weights are rounded to float64, float32, bfloat16 or float16 only.

    Integers and 8-bit floats hold weights only together with scales, and to choose those is
    quantisation: merge in floats, then quantise the result with a tool made for it. Integer tensors
    of a model stay as they are, whatever dtype is asked for.
    """

    tensor: str
    dtype: str
    more: str
    help: str | None = "give float tensors float64, float32, bfloat16 or float16"


@diagnostic("MC0408", "the units of `{own}` and `{other}` are in different orders: `{tensor}`{more}")
class FramesMixed(Diagnostic):
    """The recipe aligns a model, and mixes its own, unaligned tensors with those of other models.

    Aligning says that the units of a model are in another order than those of its anchor. What is read
    of it must then go through the alignment before it is added to anything else. Fine-tunes of the
    aligned model are in its order: subtract before you align (`task: tuned - b`), and align the
    difference with `using: b`, which applies the permutations that were found for `b`.
    """

    tensor: str
    more: str
    own: str
    other: str


@diagnostic("MC0409", "{place} must {wanted}, but it has degree {degree} (`{tensor}`{more})")
class NotWeights(Diagnostic):
    """A difference of weights stands where weights are needed, or beside weights.

    Methods that take the differences to the base themselves need whole models: the difference of a
    difference to the base means nothing. Those that average directions need models that are all weights
    or all differences. `apply` and `base + delta` make a model of a difference; `kind: delta` on a source
    says that its file holds one.
    """

    place: str
    wanted: str
    degree: str
    tensor: str
    more: str
