"""`mergec attest`: of what was an output made?"""

from __future__ import annotations

import json
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.command import command
from mergec.cli.digest_progress import reading_progress
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_result
from mergec.diagnostics import MergecError, Report, safe
from mergec.lock.digest_cache import DigestCache, cache_file
from mergec.lock.lock_file import lock_path, read_lock, read_lock_at
from mergec.lock.source_digests import ReadFile, SourceDigests
from mergec.pipeline import Options
from mergec.provenance.errors import StatementNotWritten
from mergec.provenance.statement import BUILDER, Attested, statement
from mergec.verification.manifest_claims import read_claims
from mergec.verification.verify_output import Request, verify_output

if TYPE_CHECKING:
    from mergec.cli.digest_progress import ReadingProgress
    from mergec.lock.lock_file import Lock

_PATH = click.Path(path_type=Path)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


@command("attest")
@click.argument("path", type=_PATH, metavar="RECIPE|OUT")
@click.option("--lock", type=_PATH, metavar="LOCK", help="The lock of the recipe that OUT was built from.")
@click.option("--out", type=_PATH, metavar="FILE", help="Write the statement there, not to stdout.")
@click.option("--builder", metavar="URI", default=BUILDER, help="Who built it, as the statement calls it.")
def attest(*, path: Path, lock: Path | None, out: Path | None, builder: str) -> None:
    """Tell of what the output of RECIPE was made, as an in-toto statement with SLSA provenance.

    What it says comes from the recipe's lock: the recipe, the SHA-256 of every file that was read, and
    versions. Subjects are the files of the output, which is verified first; exit 4 if it is not what the
    lock tells of. OUT, a folder or a safetensors file, is for an output that was built elsewhere than the
    recipe says, and needs --lock. The statement is not signed. `docs/attestation.md` tells more.
    """
    if not _URI.fullmatch(builder):
        raise click.UsageError(f"--builder: expected a URI, found `{safe(builder)}`")
    settings = current_settings()
    found, output = _lock_and_output(path, lock)
    with reading_progress(settings) as progress:
        verified = verify_output(output, Request(lock=found.path), Options(), progress)
        if not verified.is_as_promised:
            raise MergecError(verified.diagnostics)
        subjects = _subjects(output, progress)
    if not settings.is_quiet:
        print_diagnostics(verified.diagnostics, settings)
    locked = found.model.output
    assert locked is not None, "such a lock is refused by the verification"
    attested = Attested(found.model, sha256(found.path.read_bytes()).hexdigest(), locked, subjects)
    text = json.dumps(statement(attested, builder), indent=2)
    if out is None:
        print_result(text)
    else:
        _write(out, f"{text}\n")
        print_result(f"{safe(out)}: {len(subjects)} files attested")


def _lock_and_output(path: Path, lock: Path | None) -> tuple[Lock, Path]:
    if path.is_dir() or path.suffix == ".safetensors":
        if lock is None:
            raise click.UsageError(
                "an output does not know all that it was made of: name its lock with --lock"
            )
        return read_lock_at(lock), path
    if lock is not None:
        raise click.UsageError("--lock goes with an output; that of a recipe lies beside it")
    found = read_lock(path)
    content = found.model.recipe.content
    if content is None:
        where = safe(lock_path(path))
        raise click.UsageError(f"the recipe is too long for its lock: give the output, and `--lock {where}`")
    return found, path.parent / content["output"]["path"]


def _subjects(output: Path, progress: ReadingProgress) -> dict[str, str]:
    """The SHA-256 of every file of a verified output."""
    if output.is_dir():
        files = {name: output / name for name in sorted(read_claims(output, Report()).files)}
    else:
        files = {output.name: output}
    reads = map(ReadFile, files.values())
    with SourceDigests(reads, DigestCache(cache_file()), progress=progress.advance) as digests:
        progress.begin(digests.start())
        return {name: one.sha256 for name, one in zip(files, digests.result(), strict=True)}


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            partial.write_text(text, "ascii")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        problem = error.strerror or str(error)
        raise MergecError([StatementNotWritten(path=str(path), problem=problem)]) from error
