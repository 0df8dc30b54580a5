"""Finding the rename rules that line an adapter up with its base."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.stacked_experts import stacking
from mergec.recipe.pattern import escape
from mergec.recipe.rename_preset import load_preset, preset_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.adapters.trial import Rule, Trial

_TRIED = 12  # rules for a prefix; each is tried on the whole adapter
_WRAPPER = "base_model.model."  # what PEFT puts before the names of an adapter
_STRIPS = "strip-"


class LiningUp(NamedTuple):
    """Rules after which all of an adapter fits: on its own source, or on the base.

    `back` is the preset that gives the base its names back.
    """

    rules: tuple[Rule, ...]
    on_base: bool = False
    back: str | None = None


def lining_up(trial: Trial) -> LiningUp | None:
    """The first rules that make all of an adapter fit; they have been applied to know that.

    Those on the adapter come first, as they leave the names of the result alone.
    """
    on_adapter = (*islice(_prefixes(trial), _TRIED), *_presets_for_adapter(trial))
    for rules in on_adapter:
        if trial.fits_if_renamed(rules):
            return LiningUp(rules)
    for preset in preset_names():
        if trial.fits_if_base_is_renamed([{"preset": preset}]):
            return LiningUp(({"preset": preset},), on_base=True, back=load_preset(preset).inverse)
    stacks = stacking(trial)
    if stacks and trial.fits_if_base_is_renamed(stacks):
        return LiningUp(stacks, on_base=True)
    return None


def _presets_for_adapter(trial: Trial) -> Iterator[tuple[Rule, ...]]:
    """Presets behind what PEFT puts before the names; wrappers are none of the adapter's mistakes."""
    is_wrapped = any(name.startswith(_WRAPPER) for name in trial.adapter.tensors)
    unwrapping: tuple[Rule, ...] = (f"{_WRAPPER}{{rest:**}} -> {{rest}}",) if is_wrapped else ()
    for preset in preset_names():
        if not preset.startswith(_STRIPS):
            yield (*unwrapping, {"preset": preset})


def _prefixes(trial: Trial) -> Iterator[tuple[Rule, ...]]:
    name, target = next(iter(trial.unmatched.items()))
    yield from ((rule,) for rule in dict.fromkeys(_prefix_rules(name, target, trial)))


def _prefix_rules(name: str, target: str, trial: Trial) -> Iterator[str]:
    """Rules that make the target one of the base's names, those that change least of it first."""
    wanted = target.split(".")
    path = ".".join(wanted[:-1])
    begin = f".{name}".find(f".{path}.")
    if begin < 0:
        return
    before = name[:begin]  # what the dialect puts before the path, up to its last dot
    for common in range(len(wanted), 1, -1):
        ending = "." + ".".join(wanted[-common:])
        for found in sorted((one for one in trial.base if f".{one}".endswith(ending)), key=len):
            given = found.split(".")
            old, new = wanted[: len(wanted) - common], given[: len(given) - common]
            for shared in range(3):  # longer prefixes leave more of the adapter's other names alone
                if shared < common - 1:
                    more = wanted[len(wanted) - common :][:shared]
                    yield _prefix_rule(before, [*old, *more], [*new, *more])


def _prefix_rule(before: str, old: list[str], new: list[str]) -> str:
    left, right = (before + "".join(f"{escape(part)}." for part in parts) for parts in (old, new))
    return f"{left}{{rest:**}} -> {right}{{rest}}"
