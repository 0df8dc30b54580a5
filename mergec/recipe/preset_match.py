"""The message for a preset of which no rule matches: what it is for, and what the names are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.recipe.rename_errors import PresetMatchesNothing
from mergec.recipe.rename_preset import load_preset

if TYPE_CHECKING:
    from collections.abc import Collection

    from mergec.recipe.rename_rule import PresetUse

_SHOWN = 5
_OF_ADAPTERS = "base_model.model."  # before the names of the model that an adapter of PEFT is for


def preset_matches_nothing(use: PresetUse, names: Collection[str], source: str) -> PresetMatchesNothing:
    """MC0146 for this use of a preset. A layout that the preset leads to is told as such."""
    preset = load_preset(use.name)
    help_ = "write `optional: true` beside `preset:` if only some checkpoints have the names it is for"
    unwrapped = [name.removeprefix(_OF_ADAPTERS) for name in names]
    if _matches(use.name, unwrapped):
        rule = f"{_OF_ADAPTERS}{{rest:**}} -> {{rest}}"
        help_ = f'in the names of an adapter of PEFT, put the rule "{rule}" before it'
    elif preset.inverse and _matches(preset.inverse, names):
        help_ = f"the names look like those that it leads to: did you mean `{preset.inverse}`?"
    begins = list(dict.fromkeys(name.partition(".")[0] for name in names))
    more = ", ..." if len(begins) > _SHOWN else ""
    listed = ", ".join(f"`{safe(begin)}`" for begin in begins[:_SHOWN])
    notes = (f"it is for names such as `{preset.examples[0][0]}`", f"names begin with {listed}{more}")
    return PresetMatchesNothing(
        span=use.span, name=use.name, count=len(names), source=source, help=help_, notes=notes
    )


def _matches(name: str, names: Collection[str]) -> bool:
    rules = load_preset(name).rules
    return any(len(pattern.bind(names)) for rule in rules for pattern in rule.sources)
