"""Checkpoints on disk as `mergec inspect` sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from mergec.cli.inspection.subject import Subject, subject
from mergec.diagnostics import Report
from mergec.sources.open_checkpoint import open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.recipe.proposals.named_models import Tensors


def made(
    folder: Path,
    tensors: Tensors | Mapping[str, np.ndarray[Any, Any]],
    config: Mapping[str, object] | None = None,
    *,
    adapter: Mapping[str, object] | None = None,
    metadata: dict[str, str] | None = None,
) -> Subject:
    """A folder with these tensors, zeros where only their kind is given, and these configs."""
    folder.mkdir(exist_ok=True)
    arrays = {
        name: of if isinstance(of, np.ndarray) else np.zeros(of.shape, np.float16)
        for name, of in tensors.items()
    }
    save_file(arrays, folder / "model.safetensors", metadata)
    for name, held in (("config.json", config), ("adapter_config.json", adapter)):
        if held is not None:
            (folder / name).write_text(json.dumps(held))
    return opened(folder)


def opened(path: Path) -> Subject:
    """The checkpoint at a path."""
    report = Report()
    checkpoint = open_checkpoint(path, nest=None, span=None, report=report)
    assert checkpoint is not None, report.diagnostics
    return subject(path, checkpoint)
