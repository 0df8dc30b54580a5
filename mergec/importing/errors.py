"""Diagnostics of recipes that come from other programs. MC084x."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0840", "this is no configuration of mergekit: {problem}")
class NotMergekit(Diagnostic):
    """The file cannot be read as a configuration of mergekit.

    It has `merge_method` and one of `models`, `slices` and `modules`. Several documents in one file are
    merges that use each other by `name`; the one without a name is the result.
    """

    problem: str


@diagnostic("MC0841", "mergec has no operation for `{method}`")
class NoSuchMethod(Diagnostic):
    """The imported file asks for a method or mode of merging that this mergec does not know.

    `mergec methods` lists those that it has.
    """

    method: str


@diagnostic("MC0842", "{what} is not carried over: {reason}", severity=Severity.WARNING)
class NotCarriedOver(Diagnostic):
    """Something that the imported file asks for is not in the recipe.

    The recipe lists all such things at its end. What it makes may differ from what the other program made.
    """

    what: str
    reason: str


@diagnostic("MC0843", "{what} has no effect in mergekit, and is left out", severity=Severity.WARNING)
class NoEffect(Diagnostic):
    """mergekit does not know a key of the imported file, or does nothing with it.

    It says nothing about such keys, so that misspelt parameters silently keep their defaults. If this key
    was meant to do something, write it into the recipe.
    """

    what: str


@diagnostic("MC0844", "these are no weights of blocks: {problem}")
class BadBlockWeights(Diagnostic):
    """A line of block weights, as mergers of Stable Diffusion models use them, cannot be read.

    It holds numbers between commas, one for each block, or the name of a preset such as GRAD_V. Lines
    after it may be elemental: `blocks:elements:ratio`, such as `OUT03 OUT04:attn2:0.5`.
    `mergec explain blocks` lists the blocks.
    """

    problem: str


@diagnostic("MC0845", "the recipe cannot be written to `{path}`: {problem}", exit_code=ExitCode.RESOURCES)
class RecipeNotWritten(Diagnostic):
    """The file that `--output` names exists already, or the system refused to write it.

    Without `--output` the recipe goes to stdout.
    """

    path: str
    problem: str
    help: str | None = "name a file that does not exist, in a folder that can be written"
