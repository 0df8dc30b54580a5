"""`mergec build`: write the checkpoint."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mergec import pipeline
from mergec.cli.command import command
from mergec.cli.recipe_options import limit_options, recipe_argument, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import has_color, print_diagnostics, print_document, print_result
from mergec.diagnostics import Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.ir.byte_size import format_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mergec.cli.settings import Settings
    from mergec.ir.plan import Plan


@command("build", has_json=True)
@recipe_argument
@set_option
@limit_options
@click.option("--force", is_flag=True, help="Replace an output that mergec did not build.")
def build(
    *,
    recipe: Path,
    overrides: dict[str, str],
    out: Path | None,
    memory: int | None,
    workers: int | None,
    force: bool,
) -> None:
    """Compile RECIPE, check it, and write the checkpoint that it describes.

    The output appears all at once when it is complete; on any failure its path is as it was before.
    """
    settings = current_settings()
    options = pipeline.Options(memory or pipeline.DEFAULT_MEMORY, workers or 0, out, force)
    started = time.monotonic()
    report = Report()
    compiled = pipeline.compile_recipe(recipe, overrides, report)
    plan = pipeline.make_build_plan(compiled, options)
    told = len(report.diagnostics)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics, settings)
    with _progress(plan, settings) as progress:
        built = pipeline.build(compiled, plan, options, report, progress)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics[told:], settings)
    _print_done(built.path, plan, time.monotonic() - started, report, settings)


@contextmanager
def _progress(plan: Plan, settings: Settings) -> Iterator[Callable[[int, int], None]]:
    if settings.is_quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _tensor, _bytes: None
        return
    from mergec.cli.build_progress import shown_progress  # rich, for terminals only

    with shown_progress(plan, is_colored=has_color(sys.stderr, settings)) as progress:
        yield progress


def _print_done(path: Path, plan: Plan, seconds: float, report: Report, settings: Settings) -> None:
    tensors, written = len(plan.layout.tensors), plan.bytes_written
    if settings.wants_json:
        document = {
            "path": str(path),
            "tensors": tensors,
            "bytes": {"read": plan.bytes_read, "copied": plan.bytes_copied, "written": written},
            "seconds": round(seconds, 3),
            "diagnostics": [diagnostic_as_json(one) for one in report.diagnostics],
        }
        print_document(document)
        return
    print_result(safe(path))
    if not settings.is_quiet:
        speed = format_size(written / max(seconds, 1e-3))
        print_result(f"{tensors} tensors, {format_size(written)} in {seconds:.1f} s ({speed}/s)")
