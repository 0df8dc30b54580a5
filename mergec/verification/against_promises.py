"""An output held against what its manifest and a lock promise of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import file_digest
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.output.manifest import NAME, changed_files, foreign_files
from mergec.output.merkle import TensorDigest, merkle_root
from mergec.output.ownership import is_ours
from mergec.sources.side_config import CONFIG
from mergec.verification.errors import NotAnOutput, NothingLocked, NoWitness, OutputMissing
from mergec.verification.manifest_claims import read_claims
from mergec.verification.output_on_disk import INDEX, WEIGHTS, Faults, index_fault, read_headers
from mergec.verification.stored_digests import stored_digests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mergec.diagnostics import Report
    from mergec.lock.lock_file import Lock
    from mergec.verification.manifest_claims import ManifestClaims
    from mergec.verification.output_on_disk import OutputOnDisk


@dataclass(slots=True)
class Examined:
    """An output, what is promised of it, and what was found to be otherwise.

    `faults` are of files and of the places, dtypes and shapes of tensors, `other_bytes` tells where tensors
    lie whose digests are not those of the manifest, and `not_locked` what the lock says otherwise.
    """

    output: OutputOnDisk
    claims: ManifestClaims | None
    lock: Lock | None
    faults: Faults
    hashed: tuple[str, ...] = ()
    merkle: str | None = None
    other_bytes: dict[str, str] = field(default_factory=dict)
    not_locked: list[str] = field(default_factory=list)


def open_examined(path: Path, lock: Lock | None, report: Report, *, is_rebuilt: bool) -> Examined:
    """Read the headers of the output at a path, and what is promised of it.

    `is_rebuilt`: the recipe will tell what the output should hold, if nothing else does.

    Raises:
        MergecError: MC0880 to MC0883, MC0889 and MC0890.
    """
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except ValueError:  # a NUL in it
        is_folder = is_file = False
    if not is_folder and not is_file:
        raise MergecError([OutputMissing(path=str(path))])
    if lock is not None and lock.model.output is None:
        if not is_rebuilt:
            raise MergecError([NothingLocked(path=str(lock.path))])
        lock = None
    if is_file and not is_ours(path):
        raise MergecError([NotAnOutput(path=str(path), reason="its header does not say so")])
    if is_file and lock is None and not is_rebuilt:
        raise MergecError([_no_witness(path)])
    faults = Faults({}, {})
    if is_file:
        return Examined(read_headers(path, path.resolve().parent, None, faults), None, lock, faults)
    claims = read_claims(path, report)
    _compare_files(path, claims, faults)
    weights = [name for name in claims.files if name.endswith(WEIGHTS) and name not in faults.files]
    return Examined(read_headers(path, path, weights, faults), claims, lock, faults)


def _no_witness(path: Path) -> NoWitness:
    found = NoWitness(path=str(path))
    if (path.parent / NAME).is_file():
        return NoWitness(path=str(path), help=f"it is a part of `{safe(path.parent)}`: verify that folder")
    return found


def _compare_files(folder: Path, claims: ManifestClaims, faults: Faults) -> None:
    for name, size in claims.files.items():
        problem = _file_problem(folder / name, size)
        if problem:
            faults.files[name] = problem
    # What has the right size may be read: anything else, such as a pipe, need not end.
    for name in changed_files(folder) if not faults.files else ():
        faults.files[name] = "does not hold what was written"
    for name in foreign_files(folder) or ():
        faults.files[name] = "was not written by mergec"


def _file_problem(path: Path, size: int) -> str:
    try:
        if not path.is_file():
            return "is no file" if path.exists() else "is missing"
        found = path.stat().st_size
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return f"has {found:,} bytes, and {size:,} were written" if found != size else ""


def examine(
    examined: Examined, names: Sequence[str] | None, workers: int, progress: Callable[[int], None]
) -> None:
    """Hold headers and bytes against what is promised; `names` are the tensors to read, None for all."""
    output, claims, faults = examined.output, examined.claims, examined.faults
    if claims is not None and claims.merkle is not None:
        _compare_tensors(output, claims, faults)
    if output.is_folder and not any(name.endswith(WEIGHTS) or name == INDEX for name in faults.files):
        problem = index_fault(output)
        if problem is not None:
            faults.files[INDEX] = problem
    wanted = list(output.tensors) if names is None else [name for name in names if name in output.tensors]
    digests, unreadable = stored_digests(output, wanted, workers, progress)
    faults.files.update(unreadable)
    examined.hashed = tuple(digests)
    if claims is not None:
        for name, digest in digests.items():
            claimed = claims.tensors.get(name)
            if claimed is not None and claimed.digest != digest:
                examined.other_bytes[name] = f"lies in {output.place(name)}"
    if len(digests) == len(output.tensors) and not any(faults):
        examined.merkle = _root(output, digests)
    if examined.lock is not None:
        _compare_with_lock(examined, examined.lock)


def _compare_tensors(output: OutputOnDisk, claims: ManifestClaims, faults: Faults) -> None:
    for name, claimed in claims.tensors.items():
        found = output.tensors.get(name)
        if found is None:
            if claimed.file not in faults.files:
                faults.tensors[name] = f"is not in {safe(claimed.file)}"
            continue
        declared = f"{found.view.dtype.code} {list(found.view.shape)}"
        written = f"{claimed.dtype} {list(claimed.shape)}"
        if declared != written:
            faults.tensors[name] = f"is {declared}, and {written} was written"
        elif found.file != claimed.file:
            faults.tensors[name] = f"is in {safe(found.file)}, and was written to {safe(claimed.file)}"
    for name in output.tensors:
        if name not in claims.tensors:
            faults.tensors[name] = "was not written by mergec"


def _root(output: OutputOnDisk, digests: Mapping[str, str]) -> str:
    return merkle_root(
        TensorDigest(name, one.view.dtype.code, one.view.shape, digests[name])
        for name, one in output.tensors.items()
    )


def _compare_with_lock(examined: Examined, lock: Lock) -> None:
    output, claims, told = examined.output, examined.claims, examined.not_locked
    locked = lock.model.output
    assert locked is not None
    # Where not all was read, the manifest stands for the rest: it is bound to its entries.
    merkle = examined.merkle or (claims.merkle if claims is not None else None)
    if merkle is not None and merkle != locked.merkle:
        told.append("its tensors have another Merkle root")
    if claims is None or locked.manifest is None:
        return  # a single file may have been renamed, and built to another form the tensors are the same
    if locked.manifest != claims.sha256:
        told.append("its manifest is another one")
    for name, size in locked.files.items():
        problem = _file_problem(output.root / name, size)
        if problem and name not in examined.faults.files:
            told.append(f"`{safe(name)}` {problem}")
    for name, copied in lock.model.copied.items():
        # config.json is written anew: its dtype and sizes are those of the output.
        if name not in examined.faults.files and name != CONFIG:
            found = _sha256(output.root / name)
            if found != copied.sha256:
                told.append(f"`{safe(name)}` is not the file of `{safe(copied.from_)}`")


def _sha256(path: Path) -> str | None:
    try:
        if not path.is_file():  # to open a pipe is to wait
            return None
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError):
        return None
