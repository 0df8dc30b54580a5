"""`mergec build`: write the checkpoint."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from mergec import pipeline
from mergec.cli.command import command
from mergec.cli.match_progress import build_progress
from mergec.cli.match_results import match_results, result_document, result_lines
from mergec.cli.recipe_options import (
    allows_plugins,
    limit_options,
    plugins_option,
    recipe_argument,
    set_option,
)
from mergec.cli.reuse.former_build import read_former_build
from mergec.cli.reuse.told import made_lines, reuse_document
from mergec.cli.reuse.why_made import why_made
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_message, print_result
from mergec.diagnostics import Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.ir.byte_size import format_size
from mergec.output.reuse import Why

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mergec.cli.reuse.why_made import MadeAlike
    from mergec.cli.settings import Settings
    from mergec.ir.plan import Plan
    from mergec.output.reuse import Reuse


class _How(TypedDict):
    force: bool
    fresh: bool
    locked: bool


@command("build", has_json=True)
@recipe_argument
@set_option
@plugins_option
@limit_options
@click.option("--force", is_flag=True, help="Replace an output that mergec did not build.")
@click.option(
    "--locked", is_flag=True, help="Exit 3 unless recipe, sources and result are what the lock says."
)
@click.option("--fresh", is_flag=True, help="Compute everything, whatever an earlier build left.")
def build(
    *,
    recipe: Path,
    overrides: dict[str, str],
    out: Path | None,
    memory: int | None,
    workers: int | None,
    **how: Unpack[_How],
) -> None:
    """Compile RECIPE, check it, and write the checkpoint that it describes.

    The output appears all at once when it is complete; on any failure its path is as it was before. What
    was finished by then stays beside it, and the next build goes on from there.

    The lock beside RECIPE is written anew, unless --out or --set are given: it says what was read and what
    came of it.
    """
    settings = current_settings()
    options = pipeline.Options(memory or pipeline.DEFAULT_MEMORY, workers or 0, out, **how)
    started = time.monotonic()
    report = Report()
    compiled = pipeline.compile_recipe(recipe, overrides, report, allow_plugins=allows_plugins())
    plan = pipeline.make_build_plan(compiled, options)
    told = len(report.diagnostics)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics, settings)
    former = read_former_build(pipeline.target_path(compiled, options), recipe)
    with build_progress(plan, settings) as (tiles, steps):
        built = pipeline.build(compiled, plan, options, report, tiles, steps)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics[told:], settings)
    if settings.is_verbose and built.remark:
        print_message(safe(built.remark))
    seconds = time.monotonic() - started
    made = why_made(built.reuse, former, compiled, plan, built.contents)
    _print_done(built, plan, seconds, made, report, settings)


def _replaces(reuse: Reuse) -> bool:
    """Whether there was an output that tensors might have been taken from."""
    return Why.NO_OUTPUT not in reuse.others.values() and Why.FRESH not in reuse.others.values()


def _print_done(
    built: pipeline.Built,
    plan: Plan,
    seconds: float,
    made: Sequence[MadeAlike],
    report: Report,
    settings: Settings,
) -> None:
    tensors, written = len(plan.layout.tensors), plan.bytes_written
    matches = match_results(plan.matches, built.solutions, built.known)
    if settings.wants_json:
        document = {
            "path": str(built.path),
            "tensors": tensors,
            "kept": len(built.reuse.kept),
            "reuse": reuse_document(built.reuse, made),
            "bytes": {"read": plan.bytes_read, "copied": plan.bytes_copied, "written": written},
            "matches": [result_document(one) for one in matches],
            "seconds": round(seconds, 3),
            "diagnostics": [diagnostic_as_json(one) for one in report.diagnostics],
        }
        print_document(document)
        return
    print_result(safe(built.path))
    if not settings.is_quiet:
        speed = format_size(written / max(seconds, 1e-3))
        kept = f" ({len(built.reuse.kept)} kept)" if built.reuse.kept else ""
        summary = f"{tensors} tensors{kept}, {format_size(written)} in {seconds:.1f} s ({speed}/s)"
        anew = (f"  {line}" for line in made_lines(made)) if _replaces(built.reuse) else ()
        print_result("\n".join([summary, *anew, *result_lines(matches)]))
