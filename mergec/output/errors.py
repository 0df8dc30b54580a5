"""Diagnostics of the output stage: what the disk says. MC08xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0801", "the output {path} exists and was not built by mergec")
class OutputExists(Diagnostic):
    """mergec replaces only what it built itself.

    It knows its own files by the `mergec` entry in their safetensors headers. Choose another path
    with `output: path:` or `--out`, remove what is there, or give `--force` to replace it.
    """

    path: str
    help: str | None = "choose another path with `--out`, or replace what is there with `--force`"


@diagnostic("MC0802", "the output {path} is a source of the recipe")
class OutputIsSource(Diagnostic):
    """The output would replace a checkpoint that the recipe reads (or a directory that holds one).

    Not even `--force` allows that.
    """

    path: str
    help: str | None = "write somewhere else: change `output: path:` or give `--out`"


@diagnostic(
    "MC0803",
    "the output needs {needed} and {where} has {free} free",
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


@diagnostic("MC0804", "{path} cannot be written: {problem}", exit_code=ExitCode.RESOURCES)
class CannotWrite(Diagnostic):
    """The system refused a write: no room, no permission, a read-only or failing disk.

    Nothing was published; what stood at the output path is still there.
    """

    path: str
    problem: str


@diagnostic("MC0805", "`{name}` cannot be copied from: {problem}")
class NoSideFiles(Diagnostic):
    """`copy_files_from` must name a source whose directory holds config and tokenizer files."""

    name: str
    problem: str


@diagnostic(
    "MC0806",
    "`{first}` and `{second}` are one tensor in {config}, but the recipe makes them different",
)
class TiedTensorsDiffer(Diagnostic):
    """config.json says `tie_word_embeddings: true`, so a loader reads one of the two and shares it.

    The other's values would be lost without a word. Treat both alike in the recipe, or set
    `tie_word_embeddings` to false in the config.
    """

    first: str
    second: str
    config: str


@diagnostic(
    "MC0807", "{path} is left from a build that was killed; it is replaced", severity=Severity.WARNING
)
class StalePartial(Diagnostic):
    """A directory or file with the ending `.partial` stands beside the output."""

    path: str


@diagnostic("MC0808", "the config of `{name}` cannot be read: {problem}")
class BadConfig(Diagnostic):
    """config.json must be a JSON object to be carried over to the output."""

    name: str
    problem: str
