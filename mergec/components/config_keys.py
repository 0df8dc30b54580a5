"""Where config.json tells of each component, and which files beside it do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mergec.components.layout import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class ConfigKeys:
    """What config.json says about a component, and the files that go with it.

    `parts` are the keys under which it may have a config of its own, of which a family has one; `keys` are
    single settings. `width_keys` give the width of a tower, `named_by` another checkpoint that the
    component is loaded from. `files` are patterns; those of one set come together or not at all.
    """

    parts: tuple[str, ...]
    keys: tuple[str, ...]
    width_keys: tuple[str, ...]
    named_by: tuple[str, ...]
    files: tuple[str, ...]
    files_are_one_set: bool


@cache
def configured() -> dict[str, ConfigKeys]:
    """The keys of every component that has some: of all but generators, which nothing moves."""
    return {component: _config_keys(told) for component, told in table()["config"].items()}


def _config_keys(told: Mapping[str, Any]) -> ConfigKeys:
    return ConfigKeys(
        parts=tuple(told["parts"]),
        keys=tuple(told["keys"]),
        width_keys=tuple(told["width_keys"]),
        named_by=tuple(told["named_by"]),
        files=tuple(told["files"]),
        files_are_one_set=told["files_are_one_set"],
    )


def value_at(config: object, path: Iterable[str]) -> object:
    """The value below a path of keys; None where there is none."""
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config
