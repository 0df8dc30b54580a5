"""`mergec diff`: how do two locks, two outputs or two checkpoints differ?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from mergec.cli.command import command
from mergec.cli.diff_json import checkpoints_document, locks_document
from mergec.cli.diff_text import checkpoints_text, locks_text
from mergec.cli.opened import opened
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.cli.tensor_pattern import matching_names, tensor_option
from mergec.diagnostics import ExitCode, Report
from mergec.lock.lock_file import is_lock, read_lock_at
from mergec.verification.compare_checkpoints import Kind, all_names, compare_checkpoints, compare_digests
from mergec.verification.compare_locks import compare_locks
from mergec.verification.manifest_claims import read_claims

_PATH = click.Path(path_type=Path)


@command("diff", has_json=True)
@click.argument("a", type=_PATH)
@click.argument("b", type=_PATH)
@tensor_option
@click.option("--digests", is_flag=True, help="Believe the manifests of two outputs; no weight is read.")
@click.option("--nest", help="Where the tensors sit in nested PyTorch files, such as model.state_dict.")
@click.option("--exit-code", "tells", is_flag=True, help="Exit 4 if anything differs, rather than 0.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Threads. [default: one per processor]"
)
def diff(
    *,
    a: Path,
    b: Path,
    tensor: str | None,
    digests: bool,
    nest: str | None,
    tells: bool,
    workers: int | None,
) -> None:
    """Show how A and B differ: two locks (*.lock), or two checkpoints, of which outputs are some.

    Of checkpoints, every tensor is read: where values differ, the largest difference, the relative L2 norm
    of the difference (over that of A) and the cosine are shown, the worst of those alike. Names are compared
    as they are: `mergec inspect A B` proposes rules that line up others.
    """
    are_locks = is_lock(a), is_lock(b)
    if all(are_locks):
        if tensor is not None or digests or nest is not None:
            raise click.UsageError("--tensor, --digests and --nest are for checkpoints")
        differs = _diff_locks(a, b)
    elif any(are_locks):
        raise click.UsageError("a lock can be compared with another lock only")
    else:
        differs = _diff_checkpoints(a, b, tensor, nest, workers or os.cpu_count() or 1, digests=digests)
    if tells and differs:
        click.get_current_context().exit(ExitCode.VERIFICATION)


def _diff_locks(a: Path, b: Path) -> bool:
    found = compare_locks(read_lock_at(a).model, read_lock_at(b).model)
    if current_settings().wants_json:
        print_document(locks_document(a, b, found))
    else:
        print_result(locks_text(a, b, found))
    return bool(found)


def _diff_checkpoints(
    a: Path, b: Path, tensor: str | None, nest: str | None, workers: int, *, digests: bool
) -> bool:
    report, settings = Report(), current_settings()
    claimed = (_digests(a, report), _digests(b, report)) if digests else None
    first, second = opened(a, nest, report), opened(b, nest, report)
    names = all_names(first, second)
    wanted = matching_names(tensor, names, "diff")
    names = [name for name in names if name in wanted]
    if claimed is not None:
        pairs = compare_digests(first, second, names, claimed)
    else:
        pairs = compare_checkpoints(first, second, names, workers, lambda _bytes: None)
    print_diagnostics(() if settings.is_quiet or settings.wants_json else report.diagnostics, settings)
    sides = (a, first), (b, second)
    if settings.wants_json:
        print_document(checkpoints_document(sides, pairs))
    else:
        print_result(checkpoints_text(sides, pairs))
    return any(pair.kind is not Kind.EQUAL for pair in pairs)


def _digests(path: Path, report: Report) -> dict[str, str]:
    claims = read_claims(path, report)
    if claims.merkle is None:
        raise click.UsageError(f"the manifest of `{path}` holds no digests; compare without --digests")
    return {name: one.digest for name, one in claims.tensors.items()}
