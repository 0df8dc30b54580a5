"""Diagnostics about groups on the axes of a model's tensors. MC0514 to MC0523."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


@diagnostic("MC0514", "{place} has {length} indices, which do not fit `{axes}`: {problem}")
class SizeDoesNotFit(Diagnostic):
    """The sizes of an axis's factors must multiply to its length, and parts with `|` between them add up.

    The notes say which sizes are known and where they come from: the table, the step's `sizes`,
    config.json, or another tensor.
    """

    place: str
    length: int
    axes: str
    problem: str


@diagnostic("MC0515", "`{group}` has {size} units on {place}, and {other}")
class TwoSizes(Diagnostic):
    """A group permutes the same number of units wherever it stands.

    Either the two axes do not belong together, or the table takes this model for another one.
    """

    group: str
    size: int
    place: str
    other: str


@diagnostic("MC0516", "`{group}` is a family of {parent} on `{tensor}`, and of {other} on `{others_tensor}`")
class TwoParents(Diagnostic):
    """A group has the same parents wherever it stands: `q[kv]` is written with its parent everywhere.

    In `v[kv q]` the parents are a chain, so that q is a family of kv itself.
    """

    group: str
    parent: str
    tensor: str
    other: str
    others_tensor: str


@diagnostic("MC0517", "`{group}` is a family of itself")
class FamilyOfItself(Diagnostic):
    """Following the parents of a group leads back to it."""

    group: str


@diagnostic("MC0518", "`{family}` stands on {place}, and its parent `{parent}` {problem}")
class ParentMissing(Diagnostic):
    """The permutations of a family are numbered by its parent's indices, so the tensor must have these too.

    The parent stands before the family in the same product, `(kv q[kv])`, or on one other axis that has no
    `|`: a grouped convolution is `(g o[g]) c[g] _ _`.
    """

    family: str
    place: str
    parent: str
    problem: str


@diagnostic("MC0519", "`{group}` acts on vectors only: {tensors}")
class VectorsOnly(Diagnostic):
    """A group of units must act on the weights that make them and on those that read them.

    Where only biases and norms are permuted, the units they belong to keep their order and the model
    breaks.
    """

    group: str
    tensors: str


@diagnostic("MC0520", "nothing but `{module}` has `{group}`: its units are an input or output of the model")
class OneSided(Diagnostic):
    """What a group permutes must be made by one part of the model and read by another.

    Units that only one layer has are what the model is given or what it gives, such as the logits of a
    classifier, and their order has a meaning.
    """

    group: str
    module: str


@diagnostic("MC0521", "axis 0 of `{tensor}` is the vocabulary, and `{axes}` permutes it")
class PermutedVocabulary(Diagnostic):
    """The rows of embeddings and of the output head belong to the tokens of the tokenizer.

    They are an input or output of the model and stay where they are.
    """

    tensor: str
    axes: str


@diagnostic("MC0522", "`{tensor}` and `{other}` are one tensor, and the table gives them different axes")
class TiedDiffer(Diagnostic):
    """Tied tensors, such as embeddings and an output head with one storage, are permuted once.

    Their axes must be the same. `tied: [[A, B]]` in the table makes the groups on their axes one.
    """

    tensor: str
    other: str


@diagnostic("MC0523", "`{group}` stands twice in the product `{axes}` on {place}")
class TwiceInProduct(Diagnostic):
    """One permutation of both factors of a product is no exchange of units.

    Two groups need two names. A group may stand in several parts of an axis with `|` between them.
    """

    group: str
    axes: str
    place: str
