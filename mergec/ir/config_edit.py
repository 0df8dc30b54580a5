"""What a recipe changes beside the weights of its output: in config.json, and whose other files it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Parts of a config that hold the config of the language model.
LANGUAGE_PARTS = ("text_config", "llm_config", "language_config")


class ConfigEdit(NamedTuple):
    """The keys of `keys` that hold `old` get `new`; a key that is absent or holds another value stays.

    So the depth of a language model changes where its config counts it, and the depth of a vision tower
    beside it does not.
    """

    keys: tuple[str, ...]
    old: int
    new: int


class ConfigValue(NamedTuple):
    """The key at the end of `path` gets `value`, JSON data, whatever it held before."""

    path: tuple[str, ...]
    value: object


class SideFile(NamedTuple):
    """The file `name` beside the weights is copied from `folder`, not from the source of the others.

    Without a folder it is left out. A folder that the recipe names for its files alone keeps its own.
    """

    name: str
    folder: str | None


class AdapterFiles(NamedTuple):
    """The output is an adapter: one file of weights, and files that tell of it; nothing else goes beside it.

    In a folder the weights are in the file `weights`, with `files` as names and texts beside them; where the
    adapter is a file by itself (`weights` is empty), there is none but that. `metadata` goes into its header.
    """

    weights: str
    files: tuple[tuple[str, str], ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()


SideChange = ConfigEdit | ConfigValue | SideFile | AdapterFiles


def adapter_files(changes: Iterable[SideChange]) -> AdapterFiles | None:
    """What makes the output an adapter; None for a model."""
    return next((change for change in changes if isinstance(change, AdapterFiles)), None)


def edited_config(config: Mapping[str, object], changes: Iterable[SideChange]) -> dict[str, object]:
    """The config with the changes made, in their order. Nothing is added to a config that is empty."""
    edited = dict(config)
    for change in changes if config else ():
        if isinstance(change, ConfigEdit):
            edited = _with_number(edited, change)
            for part in LANGUAGE_PARTS:
                inner = edited.get(part)
                if isinstance(inner, dict):
                    edited[part] = _with_number(inner, change)
        elif isinstance(change, ConfigValue):
            edited = _with_value(edited, change.path, change.value)
    return edited


def _with_number(config: Mapping[str, object], edit: ConfigEdit) -> dict[str, object]:
    return {
        key: edit.new if key in edit.keys and value == edit.old else value for key, value in config.items()
    }


def _with_value(config: Mapping[str, object], path: tuple[str, ...], value: object) -> dict[str, object]:
    key, *rest = path
    if not rest:
        return {**config, key: value}
    inner = config.get(key)
    return {**config, key: _with_value(inner if isinstance(inner, dict) else {}, tuple(rest), value)}
