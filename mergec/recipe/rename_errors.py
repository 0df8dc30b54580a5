"""Diagnostics about rename rules. MC0135 to MC0149."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


@diagnostic("MC0135", "this rename rule cannot be read: {reason}")
class BadRule(Diagnostic):
    """A rename rule is `FROM -> TO`, or a mapping with `from` and `to`.

    The mapping may add one change of shape: `split: {dim: 1}` with a list in `to`,
    `concat: {dim: 0}` with a list in `from`, `stack: {over: e}` where `e` is a capture of an index, or
    `transpose: [1, 0]`. `optional: true` allows the rule to match nothing.
    """

    reason: str


@diagnostic("MC0136", "the rule `{rule}` matches none of the {count} tensors of `{source}`")
class RuleMatchesNothing(Diagnostic):
    """Every rename rule must match at least one tensor, so that a misspelt rule is noticed.

    Rules run in order, each over the names that the earlier rules left. `mergec inspect SRC --recipe R`
    shows the names before and after. Write `optional: true` in a rule that fits only some checkpoints.
    """

    rule: str
    count: int
    source: str


@diagnostic("MC0137", "two tensors of `{source}` land on the name `{name}`: `{first}` and `{second}`")
class NamesCollide(Diagnostic):
    """A rename would make two tensors share one name, so one of them would be lost.

    The message names both tensors as the source calls them, and the notes the rules that renamed them.
    Make the pattern narrower, drop one of the tensors, or give the template another capture.
    """

    source: str
    name: str
    first: str
    second: str
    help: str | None = "make the pattern narrower, drop one of the two, or put a capture into the new name"


@diagnostic("MC0138", "`{name}` {shape} cannot be split into {parts} parts: {reason}")
class CannotSplit(Diagnostic):
    """A split divides one dimension of a tensor into as many parts as `to` has names.

    Without `sizes` the parts are equal, so the size must be divisible by their number. With `sizes`
    there is one size for each name and they add up to the whole. Grouped-query attention needs
    `sizes`, because its q, k and v differ.
    """

    name: str
    shape: str
    parts: int
    reason: str


@diagnostic("MC0139", "`{name}` {shape} has no dimension {dim}")
class NoSuchDimension(Diagnostic):
    """A rule names a dimension that the tensor does not have.

    Dimensions count from 0; negative ones count from the end. Biases have one dimension: match weights
    and biases by two rules when a rule changes the second dimension.
    """

    name: str
    shape: str
    dim: int
    help: str | None = "dimensions count from 0; match tensors of other ranks by rules of their own"


@diagnostic("MC0140", "`{first}` and `{second}` cannot be put together: {reason}")
class PartsDiffer(Diagnostic):
    """The parts of a `concat` or `stack` must have one dtype and fitting shapes.

    `concat` joins along one dimension: all others must be equal. `stack` adds a dimension: all must be
    equal. A checkpoint with several dtypes may need its parts cast to one first.
    """

    first: str
    second: str
    reason: str
    help: str | None = "`concat` needs one dtype and equal sizes but along `dim`; `stack` needs equal shapes"


@diagnostic("MC0141", "`{target}` lacks a part: no tensor matches `{pattern}` for it")
class PartMissing(Diagnostic):
    """A `concat` found some of the parts of a tensor but not all.

    Every tensor it makes needs one part from each pattern in `from`. Check the patterns against the
    names with `mergec inspect`, or restrict them to the layers that have all parts.
    """

    target: str
    pattern: str
    help: str | None = "restrict the patterns to the layers that have all parts"


@diagnostic("MC0142", "`{target}` cannot be stacked: {reason}")
class StackGap(Diagnostic):
    """A `stack` needs the indices 0, 1, 2, ... without a gap and each of them once.

    Otherwise element k of the result would not be what was number k. Rename with a shift (`{e-8}`)
    first if the numbers begin elsewhere.
    """

    target: str
    reason: str
    help: str | None = (
        "the indices must run from 0 without a gap; a rule with `{e-8}` before this one shifts them"
    )


@diagnostic("MC0143", "`{name}` holds {dtype}, whose elements are less than a byte; its shape cannot change")
class SubByteShape(Diagnostic):
    """Elements of 4 or 6 bits share bytes, so a part of such a tensor is not a part of the file.

    These tensors can be renamed and copied whole, but not split, joined, stacked or transposed.
    """

    name: str
    dtype: str


@diagnostic("MC0144", "`{name}` {shape} cannot be transposed by {order}")
class CannotTranspose(Diagnostic):
    """The order of a `transpose` must name each dimension of the tensor once.

    `[1, 0]` is for matrices. Match tensors with another number of dimensions by a rule of their own.
    """

    name: str
    shape: str
    order: str


@diagnostic("MC0145", "there is no rename preset `{name}`")
class UnknownPreset(Diagnostic):
    """`{preset: NAME}` in a list of rename rules stands for rules that ship with mergec.

    `mergec explain renames` lists the presets, and `mergec explain rename:NAME` prints the rules of one.
    """

    name: str


@diagnostic("MC0146", "no rule of the preset `{name}` matches any of the {count} tensors of `{source}`")
class PresetMatchesNothing(Diagnostic):
    """A preset must rename at least one tensor, so that one for another layout is noticed.

    Its single rules may match nothing, because a preset fits a family of files. Write `optional: true`
    beside `preset:` where only some checkpoints have the names that it is for.
    """

    name: str
    count: int
    source: str
