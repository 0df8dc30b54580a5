"""What a table is applied to: the names and shapes of a model's tensors, and its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.strided_view import Shape


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model as its headers show it. `name` is what messages call it.

    `config` is its config.json. `same` gives, for a name whose storage is that of an earlier name, that name.
    """

    name: str
    tensors: Mapping[str, Shape]
    config: Mapping[str, object] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
