"""The checkpoint that is looked at, with what lies beside its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import Report
from mergec.ir.source_facts import SourceFacts
from mergec.sources.side_config import ADAPTER_CONFIG, read_config
from mergec.sources.small_values import small_values

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.sources.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Subject:
    """A checkpoint and where it was found. `broken` says which configs cannot be read, and why.

    `beside` names the other files of its folder, where it is one: configs, tokenizers, a card, a manifest.
    """

    path: Path
    checkpoint: Checkpoint
    facts: SourceFacts
    broken: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def subject(path: Path, checkpoint: Checkpoint) -> Subject:
    """The subject, its configs read. One that is broken hides nothing else, so it is no error here."""
    report = Report()
    folder = checkpoint.directory or path.parent
    facts = SourceFacts(
        source=path.name,
        path=path,
        folder=folder,
        config=read_config(folder, None, report),
        adapter_config=read_config(folder, None, report, ADAPTER_CONFIG) or None,
        metadata={key: text for file in checkpoint.files for key, text in file.metadata.items()},
        read_values=small_values(dict(enumerate(checkpoint.files))),
    )
    broken = tuple(found.message for found in report.diagnostics)
    return Subject(path, checkpoint, facts, broken, tuple(_beside(checkpoint)))


def _beside(checkpoint: Checkpoint) -> list[str]:
    if checkpoint.directory is None:
        return []
    weights = {file.path.name for file in checkpoint.files}
    try:
        names = {path.name for path in checkpoint.directory.iterdir() if path.is_file()}
    except OSError:
        return []
    return sorted(name for name in names - weights if not name.startswith("."))
