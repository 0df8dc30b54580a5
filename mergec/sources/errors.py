"""Diagnostics of stage 2, about paths and files: MC0201 to MC0215, MC029x. `mergec explain` shows them."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, diagnostic


@diagnostic("MC0201", "`{path}` does not exist", exit_code=ExitCode.SOURCE)
class SourceMissing(Diagnostic):
    """The path of a source leads nowhere.

    Relative paths in a recipe start at the recipe's own folder, not at the working directory.
    Check the spelling, and that the download or the mount that should hold the file is there.
    A link whose target is gone counts as missing too, which is how an interrupted download
    into a cache of the Hugging Face Hub looks.
    """

    path: str


@diagnostic("MC0202", "`{path}` cannot be read: {reason}", exit_code=ExitCode.SOURCE)
class SourceUnreadable(Diagnostic):
    """The operating system refused to open or to read a file of a source.

    The reason is the system's own. Most often the file or one of its folders belongs to another
    user; sometimes a disk or a network mount fails. mergec only needs permission to read.
    """

    path: str
    reason: str


@diagnostic(
    "MC0203", "`{address}` is remote, and this version reads local files only", exit_code=ExitCode.SOURCE
)
class RemoteSource(Diagnostic):
    """The source is an address such as `hf://...` or `s3://...`, which this version cannot open.

    Download the checkpoint first and name the local folder in the recipe. For the Hugging Face
    Hub `hf download ORGANISATION/NAME --local-dir weights/NAME` does it.
    """

    address: str


@diagnostic("MC0204", "`{path}` changed while it was in use: {reason}", exit_code=ExitCode.SOURCE)
class SourceChanged(Diagnostic):
    """A source file is not the one whose header was checked.

    mergec reads the headers first, proves the whole recipe on them, and reads the weights later.
    In between, the file was replaced, rewritten or cut. The output would mix two versions of
    the weights, so the build stopped and nothing was published. Let whatever writes the file
    finish, then build again.
    """

    path: str
    reason: str


@diagnostic("MC0205", "`{path}` is {kind}, not a regular file")
class NotAFile(Diagnostic):
    """The source is a pipe, a socket, a device or another thing without a size and positions.

    Weights are read at known positions, in any order and several times, which only a regular file
    allows. Write the stream to a file first. A shard that an index names must be a file as well.
    """

    path: str
    kind: str


@diagnostic("MC0206", "`{path}` holds no weights")
class NoWeights(Diagnostic):
    """The directory has no file that mergec reads as a checkpoint.

    In a directory mergec looks for an index (`*.safetensors.index.json`, `*.bin.index.json`) or for
    one file that ends in .safetensors, .bin, .pt, .pth, .ckpt, .pt.tar or .pth.tar. It does not
    look into subfolders, and it skips what training leaves behind, such as `optimizer.pt` and
    `training_args.bin`. Name the subfolder, or the file itself.
    """

    path: str


@diagnostic("MC0207", "`{path}` holds {count} checkpoints, and the recipe does not say which one is meant")
class SeveralCheckpoints(Diagnostic):
    """The directory has several files that could each be the source.

    mergec never guesses between them: one may be an old copy, another precision, or another model.
    Name the file in `path`. An index together with the shards that it lists counts as one; a
    safetensors file and a PyTorch file count as two, even where they hold the same weights.
    """

    path: str
    count: int


@diagnostic("MC0208", "`{path}` is not in a format that mergec reads")
class UnknownFormat(Diagnostic):
    """Neither the ending of the file's name nor its first bytes tell a format that mergec knows.

    Readable are safetensors files, PyTorch files (.bin, .pt, .pth, .ckpt, and with .tar after it),
    GGUF files and the index of a sharded checkpoint (*.index.json). Convert other formats to safetensors
    with the tools of the project that the file comes from.
    """

    path: str


@diagnostic("MC0209", "`{path}` is a Git LFS pointer, not the weights", exit_code=ExitCode.SOURCE)
class GitLfsPointer(Diagnostic):
    """The file holds a few lines of text that stand for the real file in Git Large File Storage.

    This happens when a repository is cloned without `git lfs`. Run `git lfs install` once, then
    `git lfs pull` in the clone, or download the file from the site that hosts the repository.
    """

    path: str


@diagnostic("MC0210", "`{path}` is not a valid safetensors file: {reason}", exit_code=ExitCode.SOURCE)
class MalformedSafetensors(Diagnostic):
    """The header of a safetensors file breaks the format's rules, or does not fit the file.

    A file must hold the length of its header, a JSON object that begins with `{` and has no
    duplicate keys, and then the bytes of all tensors one after another: no gaps, no overlaps,
    nothing left over, sizes equal to shape times dtype. A file that is shorter than its header says
    was cut while it was copied or downloaded: fetch it again. Otherwise the program that wrote it
    is at fault: load the weights with that program and save them with the `safetensors` library.
    """

    path: str
    reason: str


@diagnostic("MC0211", "`{path}` is not a valid index: {reason}", exit_code=ExitCode.SOURCE)
class MalformedIndex(Diagnostic):
    """The index of a sharded checkpoint cannot be understood.

    It must be a JSON object whose `weight_map` says for every tensor, by name, which file holds it;
    no name may occur twice. Fetch the file again, or write it anew by saving the model.
    """

    path: str
    reason: str


@diagnostic("MC0212", "`{path}` names the file `{shard}`: {reason}", exit_code=ExitCode.SOURCE)
class IndexLeavesFolder(Diagnostic):
    """An index names a file that lies, or may lie, outside the index's own folder.

    The files of a sharded checkpoint lie beside their index or below it, so a name with `..`, a
    leading `/`, a drive letter, a backslash or a NUL is never needed. Such an index may be an attempt to make
    the merge read a private file and publish it. Do not use it before you know where it comes from.
    """

    path: str
    shard: str
    reason: str


@diagnostic("MC0213", "`{path}` names the file `{shard}`, which is not there", exit_code=ExitCode.SOURCE)
class ShardMissing(Diagnostic):
    """An index lists a file that does not exist.

    Usually a download stopped half-way, or the index was left over from a checkpoint that was saved
    with another number of shards. Fetch the missing file, or remove the stale index.
    """

    path: str
    shard: str


@diagnostic(
    "MC0214",
    "`{path}` says that `{shard}` holds `{tensor}`, but it does not{more}",
    exit_code=ExitCode.SOURCE,
)
class TensorNotInShard(Diagnostic):
    """An index promises a tensor that its file lacks.

    The index and the shards come from different saves. Fetch the whole checkpoint again; mixing
    files of two versions is not safe even where the names agree.
    """

    path: str
    shard: str
    tensor: str
    more: str = ""


@diagnostic("MC0215", "`{path}` has no nested dictionaries, so `nest: {nest}` means nothing here")
class NestNotUsable(Diagnostic):
    """`nest` says where the tensors sit in a nested PyTorch file.

    A safetensors file is flat: it is always all names at one level. Remove `nest`; to keep only
    the names under a prefix use `keep`, and to cut the prefix off use `rename`.
    """

    path: str
    nest: str


@diagnostic("MC0290", "`{path}` cannot be read: {problem}", exit_code=ExitCode.SOURCE)
class BadConfig(Diagnostic):
    """config.json is carried over to the output with its dtype and sizes kept true.

    For that it must be a JSON object. A model without the file is fine.
    """

    path: str
    problem: str
    help: str | None = "mend the file, or move it away if the output needs none"


@diagnostic("MC0291", "`{path}` is not a folder")
class NotAFolder(Diagnostic):
    """`copy_files_from` names sources, and folders with a config, a tokenizer and other such files.

    A file by itself cannot be given: the output takes from a folder all the files that it has.
    """

    path: str
