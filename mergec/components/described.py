"""Which components of a model its config.json knows of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.components.config_keys import configured
from mergec.components.layout import layouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.components.detect import Grouping

# Heads may be of any kind, and mostly no setting tells of them.
_TOLD = ("vision_tower", "audio_tower", "connector", "language_model")


def undescribed(grouping: Grouping, config: Mapping[str, object]) -> tuple[str, ...]:
    """The components that are there, but not in the family of models that config.json names.

    Empty where its `model_type` is not of the table: then nobody can tell.
    """
    families = [layout for layout in layouts() if config.get("model_type") in layout.model_types]
    known = {place.component for layout in families for place in layout.places}
    present = [name for name in _TOLD if name in grouping.components and name not in known]
    return tuple(name for name in present if families and not _is_told_of(name, config))


def _is_told_of(component: str, config: Mapping[str, object]) -> bool:
    """Whether a setting tells of the component: configs of LLaVA may call themselves those of a llama."""
    told = configured()[component]
    return any(key in config for key in (*told.parts, *told.keys))
