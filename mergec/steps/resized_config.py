"""What config.json has to say after tensors were resized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.config_edit import ConfigEdit, ConfigValue, SideChange
from mergec.ir.tied_names import EMBEDDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.source_facts import SourceFacts
    from mergec.ir.strided_view import Shape

_VISION_CONFIGS: tuple[tuple[str, ...], ...] = ((), ("vision_config",))


def config_changes(
    sizes: Mapping[str, tuple[Shape, Shape]],
    grids: Iterable[tuple[int, int]],
    facts: SourceFacts | None,
) -> list[SideChange]:
    """The edits for tensors of old and new shapes, and for position embeddings on new grids."""
    changes: dict[SideChange, None] = {}
    for name, (old, new) in sizes.items():
        if name.endswith(EMBEDDINGS):
            changes.setdefault(ConfigEdit(("vocab_size",), old[0], new[0]))
    for grid in grids:
        if facts is not None:
            changes.update(dict.fromkeys(_image_sizes(grid, facts.config)))
    return list(changes)


def _image_sizes(grid: tuple[int, int], config: Mapping[str, object]) -> list[SideChange]:
    """The image size in pixels that the new grid stands for, wherever the config gives one beside a patch."""
    changes: list[SideChange] = []
    for path in _VISION_CONFIGS:
        part: object = config
        for key in path:
            part = part.get(key) if isinstance(part, dict) else None
        if not isinstance(part, dict):
            continue
        patch, image = part.get("patch_size"), part.get("image_size")
        if isinstance(patch, int) and isinstance(image, int):
            height, width = (side * patch for side in grid)
            changes.append(ConfigValue((*path, "image_size"), height if height == width else (height, width)))
    return changes
