"""Rename rules that ship with mergec, by name: `{preset: llava-to-hf}` stands for them in a list of rules.

Each is a file of the folder `presets`, named after it. Its keys: `summary`, one line; `facts`, where the
names come from and what the rules leave alone; `rules`, as in a recipe, where `{preset = NAME}` takes in
those of another one and `repeat = true` lets a rule run until nothing matches; `examples`, pairs of a name
before and after, or of one and a list of its parts; `inverse`, the preset that leads back, if one does.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeGuard

from mergec.diagnostics import MergecError, did_you_mean
from mergec.recipe.errors import UnknownKey
from mergec.recipe.finite_number import described
from mergec.recipe.rename_errors import BadRule, UnknownPreset
from mergec.recipe.rename_rule import PresetUse, RenameRule
from mergec.recipe.value_place import NoPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Diagnostic
    from mergec.recipe.value_place import Place

PRESET = "preset"
_KEYS = (PRESET, "optional")
_FOLDER = files("mergec.recipe") / "presets"
_ENDING = ".toml"
_LISTED = "`mergec explain renames` lists the presets"


@dataclass(frozen=True, slots=True)
class RenamePreset:
    """The rules of a preset, and what `mergec explain` says of it."""

    name: str
    summary: str
    facts: str
    rules: tuple[RenameRule, ...]
    examples: tuple[tuple[str, tuple[str, ...]], ...]
    inverse: str | None = None


@cache
def preset_names() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)))


@cache
def load_preset(name: str) -> RenamePreset:
    """One of `preset_names`. A rule of a preset may match nothing, as a preset fits a family of files."""
    held: dict[str, Any] = tomllib.loads((_FOLDER / f"{name}{_ENDING}").read_text("utf-8"))
    rules = tuple(rule for written in held["rules"] for rule in _rules(written))
    examples = tuple((before, _names(after)) for before, after in held["examples"])
    return RenamePreset(name, held["summary"], held["facts"], rules, examples, held.get("inverse"))


def _names(after: str | list[str]) -> tuple[str, ...]:
    return (after,) if isinstance(after, str) else tuple(after)


def _rules(written: str | dict[str, Any]) -> tuple[RenameRule, ...]:
    if isinstance(written, str):
        return (replace(RenameRule.parse(written, NoPlace()), optional=True),)
    if PRESET in written:
        return load_preset(written[PRESET]).rules
    keys = dict(written)
    repeats = keys.pop("repeat", False)
    return (replace(RenameRule.parse(keys, NoPlace()), optional=True, repeats=repeats),)


def is_preset(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether an item of a list of rules means a preset, if only by a misspelt key."""
    if not isinstance(value, dict):
        return False
    is_rule = "from" in value or "to" in value
    return PRESET in value or (not is_rule and any(did_you_mean(key, [PRESET]) for key in value))


def preset_rules(value: Mapping[str, object], place: Place) -> list[RenameRule]:
    """The rules that `{preset: NAME, optional: BOOLEAN}` stands for, where `is_preset` holds.

    Raises:
        MergecError: all that is wrong with it: MC0110, MC0135, MC0145.
    """
    found: list[Diagnostic] = []
    for key in value:
        if key not in _KEYS:
            help_ = did_you_mean(key, _KEYS) or f"its keys are {', '.join(_KEYS)}"
            found.append(UnknownKey(span=place.key_span(key), key=key, where="a rename preset", help=help_))
    optional = value.get("optional", False)
    if not isinstance(optional, bool):
        reason = f"`optional` is `true` or `false`, not {described(optional)}"
        found.append(BadRule(span=place.child("optional").span(), reason=reason))
    name = value.get(PRESET)
    if PRESET in value:
        found.extend(_unknown(name, place.child(PRESET)))
    if found:
        raise MergecError(found)
    use = PresetUse(str(name), optional=optional is True, span=place.child(PRESET).span())
    return [replace(rule, preset=use, span=use.span) for rule in load_preset(use.name).rules]


def _unknown(name: object, place: Place) -> list[Diagnostic]:
    if not isinstance(name, str):
        reason = f"`preset` is the name of a preset, not {described(name)}"
        return [BadRule(span=place.span(), reason=reason, help=_LISTED)]
    if name in preset_names():
        return []
    help_ = did_you_mean(name, preset_names()) or _LISTED
    return [UnknownPreset(span=place.span(), name=name, help=help_)]
