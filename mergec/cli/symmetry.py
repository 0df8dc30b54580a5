"""`mergec symmetry`: a first symmetry table for a checkpoint, for a person to review."""

from __future__ import annotations

from pathlib import Path

import click

from mergec.cli.checkpoint_shape import checkpoint_shape
from mergec.cli.command import command
from mergec.cli.streams import print_result
from mergec.symmetries.drafting.draft import draft


@command("symmetry")
@click.argument("action", type=click.Choice(["infer"]))
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--nest", help="Where the tensors sit in a nested PyTorch file, such as model.state_dict.")
def symmetry(action: str, checkpoint: Path, nest: str | None) -> None:  # noqa: ARG001  # there is but one
    """Draft a symmetry table for CHECKPOINT from its names, shapes and config.json.

    It builds on one of mergec's own tables where one fits, else on guesses. Each line says why, and those
    to be looked at say `review:`. Save it as a .yaml file, review it, and name that file as `symmetry:` in
    a recipe: nothing uses a draft by itself.
    """
    print_result(draft(checkpoint_shape(checkpoint, nest)).rstrip("\n"))
