"""Diagnostics of the output stage: what the disk says. MC08xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, diagnostic


@diagnostic("MC0801", "the output `{path}` exists and is not what mergec built")
class OutputExists(Diagnostic):
    """mergec replaces only what it built itself.

    It knows its own files by the `mergec` entry in their safetensors headers, and its own directories
    by `mergec.manifest.json`, which lists what it wrote: a file that somebody added is not deleted, and
    a model card or config that somebody edited is not overwritten.
    Choose another path with `output: path:` or `--out`, remove what is there, or give `--force` to
    replace it.
    """

    path: str
    help: str | None = "choose another path with `--out`, or replace what is there with `--force`"


@diagnostic("MC0802", "the output `{path}` would replace what the recipe reads")
class OutputIsSource(Diagnostic):
    """The output would replace a checkpoint that the recipe reads, or a folder that it takes files from.

    Not even `--force` allows that.
    """

    path: str
    help: str | None = "write somewhere else: change `output: path:` or give `--out`"


@diagnostic(
    "MC0803",
    "the output needs {needed}, and the disk of `{where}` has {free} free",
    exit_code=ExitCode.RESOURCES,
)
class DiskTooSmall(Diagnostic):
    """There is not enough room for the output. Found before the first byte is written.

    The output is written beside its final place and moved there when it is complete, so an output
    that is replaced needs its room twice for a moment.
    """

    needed: str
    where: str
    free: str
    help: str | None = "free some room, or write to another disk with `--out`"


@diagnostic("MC0804", "`{path}` cannot be written: {problem}", exit_code=ExitCode.RESOURCES)
class CannotWrite(Diagnostic):
    """The system refused a write: no room, no permission, a read-only or failing disk.

    Nothing was published; what stood at the output path is still there.
    """

    path: str
    problem: str
    help: str | None = "nothing was published; mend this, or write somewhere else with `--out`"


@diagnostic("MC0805", "another build is writing to `{path}`")
class BuildRunning(Diagnostic):
    """Another mergec is building to the same output path at this moment.

    Wait for it, or build somewhere else with `--out`.
    """

    path: str
    help: str | None = "wait until it is done, or write somewhere else with `--out`"


@diagnostic(
    "MC0806", "the permutations cannot be written to `{path}`: {problem}", exit_code=ExitCode.RESOURCES
)
class PermutationsNotWritten(Diagnostic):
    """The system refused to write the file that `save_permutations:` or `--out` names.

    Its folder must be there. Nothing else is written then, and the output path is as it was.
    """

    path: str
    problem: str
    help: str | None = "name a file in a folder that exists and can be written"
