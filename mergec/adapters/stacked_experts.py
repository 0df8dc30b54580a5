"""Bases whose experts are stored one by one, for adapters that were trained on stacks of them.

transformers 5 stacks the experts of a mixture as it loads them; files, and transformers 4, have a layer each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.recipe.pattern import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.adapters.trial import Rule, Trial

# The layers of an expert that are the rows of each stacked parameter, as mixtures call them.
_PARTS = {
    "gate_up_proj": (("gate_proj", "up_proj"), ("w1", "w3")),
    "down_proj": (("down_proj",), ("w2",)),
}
_LAYER = re.compile(r"(.+)\.[0-9]+\.(\w+)\.weight")


def stacking(trial: Trial) -> tuple[Rule, ...]:
    """Rules on the base that stack the experts which an adapter's `target_parameters` mean.

    Where what holds the experts has another name, what else the adapter changes there is renamed too.
    """
    config = trial.adapter.facts.adapter_config or {}
    written = config.get("target_parameters")
    targeted = {str(name).rpartition(".")[2] for name in written} if isinstance(written, list) else set()
    layers = _layers(trial.base)
    rules: dict[str, Rule] = {}
    for module in dict.fromkeys(target.rpartition(".")[0] for target in trial.unmatched.values()):
        stored = next((path for path in layers if _is_same(path, module)), None)
        if stored is None:
            continue
        for parameter in sorted(targeted & _PARTS.keys()):
            parts = next((names for names in _PARTS[parameter] if layers[stored].issuperset(names)), None)
            if parts is not None:
                made = _rules(_ending(stored), _ending(module), parameter, parts)
                rules |= {str(rule): rule for rule in made}
        if rules:
            rules |= {rule: rule for rule in _renames(stored, module, trial)}
    return tuple(rules.values())


def _layers(base: Iterable[str]) -> dict[str, set[str]]:
    """The layers that numbered modules have, by the path before their numbers."""
    layers: dict[str, set[str]] = {}
    for name in base:
        found = _LAYER.fullmatch(name)
        if found is not None:
            layers.setdefault(found[1], set()).add(found[2])
    return layers


def _is_same(path: str, module: str) -> bool:
    """Whether these are the experts of one layer; what holds them may have another name, as in Mixtral."""
    (holder, _, last), (other, _, wanted) = path.rpartition("."), module.rpartition(".")
    return last == wanted and holder.rpartition(".")[0] == other.rpartition(".")[0]


def _renames(stored: str, wanted: str, trial: Trial) -> Iterator[str]:
    """A rule for each of the holder's other tensors that the adapter looks for under its other name."""
    holder, other = stored.rpartition(".")[0], wanted.rpartition(".")[0]
    for target in trial.unmatched.values():
        rest = target.removeprefix(f"{other}.")
        if rest != target and f"{holder}.{rest}" in trial.base:
            old, new = (_escaped([path.rpartition(".")[2], *rest.split(".")]) for path in (holder, other))
            yield f"{{path:**}}.{old} -> {{path}}.{new}"


def _ending(path: str) -> str:
    return _escaped(path.split(".")[-2:])


def _escaped(parts: Iterable[str]) -> str:
    return ".".join(map(escape, parts))


def _rules(stored: str, wanted: str, parameter: str, parts: tuple[str, ...]) -> Iterator[Rule]:
    """One above the other the parts of each expert, then all experts in a stack."""
    sources = [f"{{path:**}}.{stored}.{{e:int}}.{part}.weight" for part in parts]
    if len(sources) > 1:
        joined = f"{stored}.{{e}}.{parameter}.weight"
        yield {"from": sources, "to": f"{{path}}.{joined}", "concat": {"dim": 0}}
        sources = [f"{{path:**}}.{stored}.{{e:int}}.{parameter}.weight"]
    yield {"from": sources[0], "to": f"{{path}}.{wanted}.{parameter}", "stack": {"over": "e"}}
