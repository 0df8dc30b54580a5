"""Diagnostics about names: patterns, schedules and block maps. MC0120 to MC0134."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, MergecError, Severity, diagnostic


@diagnostic("MC0120", "the pattern `{pattern}` cannot be read: {reason}")
class BadPattern(Diagnostic):
    r"""A pattern breaks the rules of the pattern language.

    Names are segments between dots. `*` matches inside a segment, `**` any number of segments,
    `(q|k|v)` alternatives, `[0:8]` a range of layers, `{name}`, `{i:int}` and `{rest:**}` capture,
    and `re:^...$` is a regular expression (RE2) on the whole name. Put a backslash before one of
    these characters to mean the character itself: `weights\[0\]`.
    """

    pattern: str
    reason: str


class PatternError(MergecError):
    """A pattern or template that cannot be read or filled; `diagnostics` holds the one error."""


@diagnostic("MC0121", "the template `{template}` cannot be read: {reason}")
class BadTemplate(Diagnostic):
    r"""The right side of a rename rule is text with captures put in, nothing else.

    `{rest}` puts in what the pattern captured and `{i+16}` shifts a layer number. Wildcards have no
    meaning there: capture what `*` or `**` matched as `{name}` or `{rest:**}` in the pattern, and use
    the name in the template. A backslash makes the next character an ordinary one.
    """

    template: str
    reason: str


@diagnostic("MC0122", "the template uses `{{{capture}}}`, which the pattern does not capture")
class UnknownCapture(Diagnostic):
    """A template may use only what its pattern captures.

    A rule with several patterns (`concat`) may use only what all of them capture. Add the capture to
    the pattern, as in `h.{i:int}.{rest:**}`, or correct its name.
    """

    capture: str


@diagnostic("MC0123", "`{capture}` is text, so `{{{use}}}` cannot add to it")
class NotAnIndex(Diagnostic):
    """Only a capture of digits can be shifted.

    Declare it as an index in the pattern, as in `h.{i:int}.attn.weight`; then `{i+16}` and `{i-2}`
    work in the template.
    """

    capture: str
    use: str


@diagnostic("MC0124", "`{{{use}}}` makes {index} of layer {found}: a layer number below zero")
class NegativeIndex(Diagnostic):
    """A shift such as `{i-2}` was applied to a layer number that is smaller than the shift.

    Restrict the pattern to the layers that can be shifted, or shift by less.
    """

    use: str
    found: str
    index: int


@diagnostic("MC0125", "the pattern `{pattern}` matches none of the {count} tensors")
class PatternMatchesNothing(Diagnostic):
    """Every pattern must match at least one tensor.

    A pattern that matches nothing is nearly always a misspelt name, or a name from before or after a
    rename. `mergec inspect` shows the names of a checkpoint, and with `--recipe` the names after its
    rename rules. Remove the pattern if it is not needed.
    """

    pattern: str
    count: int


@diagnostic("MC0126", "{found} is not {wanted}")
class BadSchedule(Diagnostic):
    """A value for the tensors of a model is a number, a gradient, a mapping or a block map.

    `0.5` is one value for all; `[0.9, 0.3]` runs from the first layer to the last;
    `{"**.mlp.**": 0.4, "**": 0.5}` gives each tensor the value of the first pattern that matches it;
    `{blocks: sdxl, values: [...]}` uses the blocks of an image model. mergec reads YAML 1.2: `1e-3` is
    a number, `no`, `on` and `1:30` are text. Values must be finite.
    """

    found: str
    wanted: str


@diagnostic("MC0127", "no pattern of this schedule matches `{name}`{others_text}")
class UncoveredTensors(Diagnostic):
    """A schedule must give a value to every tensor.

    The first pattern that matches a tensor decides. End the mapping with `"**": VALUE` to cover all
    others. A gradient covers only tensors with a layer number in their names, so embeddings and the
    head need an entry of their own.
    """

    name: str
    others_text: str


@diagnostic(
    "MC0128",
    "the entry `{pattern}` has no effect: earlier entries take every tensor it matches",
    severity=Severity.WARNING,
)
class ShadowedEntry(Diagnostic):
    """The first matching pattern of a schedule wins, and this entry never is the first.

    Move the more special patterns above the more general ones, or remove this entry.
    """

    pattern: str


@diagnostic("MC0129", "unknown dtype `{dtype}`")
class UnknownDType(Diagnostic):
    """The text is not the name of an element type.

    The names are those of PyTorch: `float32`, `bfloat16`, `float16`, `float64`, `int64`, ... Short
    forms such as `fp16` and the codes of the safetensors format such as `BF16` are not accepted, so
    that a recipe reads the same everywhere.
    """

    dtype: str


@diagnostic("MC0130", "unknown block map `{name}`")
class UnknownBlockMap(Diagnostic):
    """`blocks:` names a way to divide an image model into numbered blocks.

    There are three: `sd1` (26 blocks; also SD 2), `sdxl` (20) and `flux` (61). For any other model
    write a mapping of patterns to values.
    """

    name: str


@diagnostic("MC0131", "the block map `{name}` takes {wanted} values, not {found}")
class WrongBlockCount(Diagnostic):
    """A list of block values has one number for each block, in the order the community uses.

    `sd1`: BASE, IN00 to IN11, M00, OUT00 to OUT11. `sdxl`: BASE, IN00 to IN08, M00, OUT00 to OUT08; a
    26-number preset is accepted too and its surplus numbers are left out. `flux`: CLIP, T5, IN, D00 to
    D18, S00 to S37, OUT. Use a mapping such as `{M00: 0.5, default: 0.3}` to name only some.
    """

    name: str
    wanted: str
    found: int


@diagnostic("MC0132", "the block map `{name}` has no block `{block}`")
class UnknownBlock(Diagnostic):
    """A mapping of block values names a block that this kind of model does not have.

    The help line lists the blocks. `default` is the value of all blocks that are not named.
    """

    name: str
    block: str


@diagnostic("MC0133", "{what} `{tensor}`{others_text}")
class UncoveredByBlocks(Diagnostic):
    """Some tensors get no value from a block map.

    Either they belong to no block (the VAE of a Flux checkpoint, noise tables of an SD checkpoint), or
    they belong to a block to which the mapping gives no value. Write `default: VALUE` beside `blocks:`
    to cover them, or restrict the operation with `where:`.
    """

    what: str
    tensor: str
    others_text: str


@diagnostic("MC0134", "the gradient entry `{pattern}` matches only tensors without a layer number")
class GradientWithoutLayers(Diagnostic):
    """A list of numbers runs over layer numbers, and none of these tensors has one.

    A layer number is the pattern's index segment (`[0:8]` or `{i:int}`), or else the first segment of
    the name that is a whole number. Give such tensors a plain number.
    """

    pattern: str
