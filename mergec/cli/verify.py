"""`mergec verify`: is an output what was written, and what its recipe gives?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.cli.command import command
from mergec.cli.digest_progress import reading_progress
from mergec.cli.plan_text import counted
from mergec.cli.recipe_options import allows_plugins, plugins_option, resource_options, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import MergecError, Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.ir.byte_size import format_size
from mergec.pipeline import DEFAULT_MEMORY, Options
from mergec.recipe.load import load_recipe
from mergec.verification.verify_output import Request, verify_output

if TYPE_CHECKING:
    from mergec.verification.verified import Verified

_PATH = click.Path(path_type=Path)


@command("verify", has_json=True)
@click.argument("out", type=_PATH, required=False)
@click.option(
    "--recipe", type=_PATH, metavar="RECIPE", help="Also hold it against the lock of this recipe, beside it."
)
@click.option("--lock", type=_PATH, metavar="LOCK", help="Also hold it against this lock.")
@click.option("--rebuild", is_flag=True, help="Compute all tensors again from the sources, and compare.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Compute only so many again; of the others, no byte is read.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="S", help="Chooses the sample. [default: 0]")
@set_option
@plugins_option
@resource_options
def verify(  # noqa: PLR0913  # one argument per option, as click calls it
    *,
    out: Path | None,
    recipe: Path | None,
    lock: Path | None,
    rebuild: bool,
    sample: int | None,
    seed: int | None,
    overrides: dict[str, str],
    memory: int | None,
    workers: int | None,
) -> None:
    """Verify the output OUT, a folder or a safetensors file that mergec built. Nothing is written.

    Without OUT it is the output of the recipe that --recipe names.

    Files, headers and the digest of every tensor are held against the manifest in a folder, and against a
    lock if one is named. --rebuild and --sample also prove that the recipe gives these bytes: they need
    --recipe, and the sources. Exit 4 if anything differs.
    """
    if out is None and recipe is None:
        raise click.UsageError("name an output, or its recipe: --recipe RECIPE")
    _check_usage(recipe, rebuild=rebuild, sample=sample, seed=seed, has_overrides=bool(overrides))
    settings = current_settings()
    started = time.monotonic()
    request = Request(recipe, overrides, lock, rebuild, sample, seed or 0, allows_plugins())
    options = Options(memory or DEFAULT_MEMORY, workers or 0)
    with reading_progress(settings, "verifying") as progress:
        verified = verify_output(out or _output_of(recipe, overrides), request, options, progress)
    seconds = time.monotonic() - started
    if settings.wants_json:
        print_document(_document(verified, seconds))
    else:
        is_shown = not settings.is_quiet or verified.findings
        print_diagnostics(verified.diagnostics if is_shown else (), settings)
        if verified.is_as_promised:
            print_result(_summary(verified, seconds))
    if not verified.is_as_promised:
        click.get_current_context().exit(MergecError(verified.diagnostics).exit_code)


def _output_of(recipe: Path | None, overrides: dict[str, str]) -> Path:
    assert recipe is not None
    found = load_recipe(recipe, overrides, Report())
    return found.folder / found.output.path


def _check_usage(
    recipe: Path | None, *, rebuild: bool, sample: int | None, seed: int | None, has_overrides: bool
) -> None:
    if rebuild and sample is not None:
        raise click.UsageError("choose one of --rebuild and --sample")
    if (rebuild or sample is not None) and recipe is None:
        raise click.UsageError("--rebuild and --sample need the recipe: --recipe RECIPE")
    if seed is not None and sample is None:
        raise click.UsageError("--seed goes with --sample")
    if has_overrides and not (rebuild or sample is not None):
        raise click.UsageError("--set goes with --rebuild or --sample")


def _summary(verified: Verified, seconds: float) -> str:
    *others, last = (f"the {one}" for one in verified.witnesses)
    witnesses = f"{', '.join(others)} and {last}" if others else last
    text = f"{safe(verified.path)}: {counted(verified.tensors, 'tensor')}, {format_size(verified.nbytes)}"
    text += f" in {counted(verified.files, 'file')}, as {witnesses} {'say' if others else 'says'}"
    if verified.hashed < verified.tensors:
        text += f"; {verified.hashed:,} read"
    if verified.rebuilt:
        text += f"; {verified.rebuilt:,} computed again"
        if verified.tolerated:
            text += f", {verified.tolerated:,} of them equal within the tolerance of R2"
    return f"{text} ({seconds:.1f} s)"


def _document(verified: Verified, seconds: float) -> dict[str, Any]:
    return {
        "path": str(verified.path),
        "is_as_promised": verified.is_as_promised,
        "witnesses": list(verified.witnesses),
        "tensors": verified.tensors,
        "bytes": verified.nbytes,
        "files": verified.files,
        "hashed": verified.hashed,
        "rebuilt": verified.rebuilt,
        "within_tolerance": verified.tolerated,
        "merkle": verified.merkle,
        "findings": [one._asdict() for one in verified.findings],
        "seconds": round(seconds, 3),
        "diagnostics": [diagnostic_as_json(one) for one in verified.diagnostics],
    }
