"""Diagnostics of verification: what an output is, and what was promised of it. MC088x, MC089x."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0880", "there is no output at `{path}`", exit_code=ExitCode.VERIFICATION)
class OutputMissing(Diagnostic):
    """`mergec verify` was given a path that leads nowhere, or to a link whose target is gone.

    It takes the folder or the safetensors file that a build wrote. A build that was stopped leaves its
    work under the same name with the ending `.partial`, which is no output yet.
    """

    path: str
    help: str | None = "give the path that `mergec build` printed"


@diagnostic("MC0881", "`{path}` is not an output of mergec: {reason}", exit_code=ExitCode.VERIFICATION)
class NotAnOutput(Diagnostic):
    """Nothing at the path says that mergec wrote it, so there is nothing to hold it against.

    A folder that mergec wrote has a `mergec.manifest.json`, and every safetensors file of it says
    `mergec` in the metadata of its header. Saving a model anew with another program loses both. `mergec
    diff` compares any two checkpoints.
    """

    path: str
    reason: str
    help: str | None = "build it again from its recipe, or compare it with another checkpoint: `mergec diff`"


@diagnostic("MC0882", "`{path}` is not as mergec wrote it: {problem}", exit_code=ExitCode.VERIFICATION)
class ManifestEdited(Diagnostic):
    """The manifest was changed, cut or damaged after the output was published.

    Its own checksum, its Merkle root and its entries must agree with each other. The checksum is no
    signature: it finds slips and damage. Whoever computes it anew is found out by the lock, which holds
    the Merkle root and the manifest's SHA-256, and by `mergec verify --rebuild`.
    """

    path: str
    problem: str
    help: str | None = "restore it from where the output was published, or build the output again"


@diagnostic(
    "MC0883", "`{path}` was written by a newer mergec: its format is {found}", exit_code=ExitCode.VERIFICATION
)
class NewerManifest(Diagnostic):
    """The manifest has a format that this version of mergec does not know, so it says nothing of it."""

    path: str
    found: str
    help: str | None = "use the version of mergec that wrote it, or a later one"


@diagnostic(
    "MC0884", "`{path}` has the older format {found}, without digests of tensors", severity=Severity.WARNING
)
class OlderManifest(Diagnostic):
    """An early version of mergec wrote the output. Its manifest lists files and their sizes alone.

    So names, sizes and headers of files are verified, and no byte of a tensor. A lock of the recipe that
    tells of the output, or `--rebuild`, verifies the rest; building again writes a manifest with digests.
    """

    path: str
    found: str
    help: str | None = "build it again, or give its recipe: `--recipe RECIPE --rebuild`"


@diagnostic("MC0885", "the file `{file}` {problem}{more}", exit_code=ExitCode.VERIFICATION)
class FilesDiffer(Diagnostic):
    """The files of an output are not those that were published.

    A file is gone, was added, has another size or cannot be read, its safetensors header is not the one
    that mergec wrote for these tensors, or the index names other files. A copy that was cut short is the
    most frequent reason. The notes name the other files.
    """

    file: str
    problem: str
    more: str = ""
    help: str | None = "move away what was added; copy the output again, or build it again"


@diagnostic("MC0886", "the tensor `{tensor}` {problem}{more}", exit_code=ExitCode.VERIFICATION)
class TensorsDiffer(Diagnostic):
    """A tensor is missing, or was added, or has another dtype, shape or place than was written."""

    tensor: str
    problem: str
    more: str = ""
    help: str | None = "build the output again"


@diagnostic("MC0887", "`{tensor}`{more}: other bytes than were written", exit_code=ExitCode.VERIFICATION)
class BytesDiffer(Diagnostic):
    """The digest of a tensor's bytes is not the one that the manifest holds.

    The digest covers the whole tensor: the notes say where in which file it lies. With `--recipe RECIPE
    --rebuild`, the tensors are computed again, and the first byte that differs is told.
    """

    tensor: str
    more: str = ""
    help: str | None = "copy the output again, or build it again; the file may be damaged"


@diagnostic(
    "MC0888", "`{path}` is not the output that `{lock}` tells of: {what}", exit_code=ExitCode.VERIFICATION
)
class NotTheLockedOutput(Diagnostic):
    """A lock holds the Merkle root of all tensors, the files with their sizes and the manifest's SHA-256.

    This output has others: it was built from another state of the recipe or of its sources, or it was
    changed, manifest and all. The Merkle root depends on names, dtypes, shapes and bytes of tensors, and
    not on how they are shared out among files.
    """

    path: str
    lock: str
    what: str
    help: str | None = "build it again with `mergec build --locked`, or verify it against its own lock"


@diagnostic("MC0889", "the lock `{path}` tells of no output", exit_code=ExitCode.LOCK)
class NothingLocked(Diagnostic):
    """The lock was written by `mergec lock`, before anything was built from it.

    A build adds what it wrote: the files, the class and the Merkle root of all tensors.
    """

    path: str
    help: str | None = "build the recipe, or verify without the lock"


@diagnostic("MC0890", "nothing tells what `{path}` should hold", exit_code=ExitCode.USAGE)
class NoWitness(Diagnostic):
    """A single safetensors file has no manifest: a lock or a recipe tells what it should hold."""

    path: str
    help: str | None = "give its recipe, whose lock then counts: `--recipe RECIPE`, or `--lock LOCK`"


@diagnostic("MC0891", "`{path}` is not an output of `{recipe}`: {what}", exit_code=ExitCode.VERIFICATION)
class NotOfThisRecipe(Diagnostic):
    """The recipe gives tensors of other names, dtypes or shapes than the output has.

    That is seen before anything is computed. Give the recipe that the output was built from, with the
    same parameters (`--set`).
    """

    path: str
    recipe: str
    what: str
    help: str | None = "give the recipe that it was built from, and the same `--set` as for the build"


@diagnostic("MC0892", "`{tensor}`{more}: the recipe gives other bytes", exit_code=ExitCode.VERIFICATION)
class RebuiltOtherwise(Diagnostic):
    """A tensor was computed again from the sources, and the output holds something else.

    Either the output was changed, or the recipe, a source, mergec or torch is not the one that it was
    built with; a lock would tell which. The notes name the first 1 MiB chunk of each tensor in which a
    byte differs. Tensors of class R2, which rest on a match, may differ by a relative L2 norm of 1e-12 in
    float64, 1e-5 in float32, 1e-3 in float16 and 8e-3 in bfloat16; all others must be equal to the byte.
    """

    tensor: str
    more: str = ""
    help: str | None = "look whether recipe, sources and torch are those of the build: `mergec lock --check`"
