"""A recipe in the making: sources and models by names that nothing else has."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """A source or model: what stands after its name, and the remarks above it."""

    value: object
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Draft:
    """What a recipe will hold. Models stand after those that they use, as they are added in that order."""

    sources: dict[str, Entry] = field(default_factory=dict)
    models: dict[str, Entry] = field(default_factory=dict)
    output: dict[str, object] = field(default_factory=dict)
    output_remarks: tuple[str, ...] = ()
    _sources_by_path: dict[tuple[str, str], str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def source(self, path: str, remarks: tuple[str, ...], *, mark: str = "") -> str:
        """The name of the source at this path; it is added when it is first asked for.

        One path may stand for several sources, such as two revisions; `mark` tells them apart.
        """
        if (path, mark) not in self._sources_by_path:
            name = self._free(name_for(path))
            self.sources[name] = Entry(path, remarks)
            self._sources_by_path[path, mark] = name
        return self._sources_by_path[path, mark]

    def model(self, name: str, keys: Mapping[str, object], *remarks: str) -> str:
        """Add a model, under this name or one like it, which is returned."""
        free = self._free(name)
        self.models[free] = Entry(keys, remarks)
        return free

    def _free(self, name: str) -> str:
        candidate = name
        while candidate in self.sources or candidate in self.models:
            self._counts[name] = number = self._counts.get(name, 1) + 1
            candidate = f"{name}_{number}"
        return candidate


def name_for(path: str) -> str:
    """A name made of the last part of a path."""
    parts = [part for part in re.split(r"[/\\]", path) if part not in {"", ".", ".."}]
    last = re.sub(r"\.(safetensors|ckpt|bin|pth?)$", "", parts[-1] if parts else "")
    name = re.sub(r"[^A-Za-z0-9]+", "_", last).strip("_").lower()[:_LONGEST_NAME]
    if not name:
        return "model"
    return f"m_{name}" if name[0].isdigit() else name
