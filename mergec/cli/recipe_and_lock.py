"""What `mergec lock` found out about one recipe, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.cli.recipe_findings import RecipeFindings
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.lock.lock_model import LockModel


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeAndLock(RecipeFindings):
    """A recipe and the lock at `lock`, which was written, or was so already, or still holds: the `result`.

    `changes` tell what differs from the lock that was there, and `model` is what the lock says now.
    """

    lock: Path
    result: str = ""
    changes: tuple[str, ...] = ()
    model: LockModel | None = None

    @property
    def text(self) -> str:
        """What became of the lock, and what it is of."""
        assert self.model is not None
        sources = len(self.model.sources)
        summary = f"{self.model.tensors.count} tensors from {sources} source{'' if sources == 1 else 's'}"
        built = "" if self.model.output is not None else ", not built yet"
        return f"{safe(self.lock)}: {self.result}, {summary}{built}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """The same, with what changed."""
        assert self.model is not None
        return {
            "path": str(self.lock),
            "result": self.result,
            "changes": list(self.changes),
            "tensors": self.model.tensors.count,
            "files": sum(len(source.files) for source in self.model.sources.values()),
            "has_output": self.model.output is not None,
        }
