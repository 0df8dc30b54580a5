"""A table made of guesses, one line for each tensor of a layer, each with its reason."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.recipe.pattern import escape
from mergec.symmetries.drafting.guess import FIXED, STREAM, Guess
from mergec.symmetries.drafting.layer_guesses import layer_guesses
from mergec.symmetries.drafting.model_facts import ModelFacts, model_facts
from mergec.symmetries.drafting.name_tree import joined, name_tree
from mergec.symmetries.drafting.outer_guesses import READS, outer_guesses

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.drafting.name_tree import Node
    from mergec.symmetries.model_shape import ModelShape

REVIEW = "review: "
_LONGEST_KEY = 90
_SHOWN = 3


@dataclass
class Scaffold:
    """The lines of `tensors`, the sizes that they name, and what is in doubt about the stream.

    `dropped` are groups that the checks refused: what has them stays as it is. `doubts` are tensors that
    may concern the stream otherwise than guessed, `scalars` patterns of those without an axis;
    `has_reader` says whether a head reads the stream.
    """

    facts: ModelFacts
    dropped: Collection[str]
    sizes: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    scalars: list[str] = field(default_factory=list)
    has_reader: bool = False

    def lines(self, node: Node, before: str = "") -> Iterator[str]:
        """A line for each tensor of a node, and below its runs for each of theirs."""
        indent = "  " * (before.count("*") + 1)
        self.scalars += [joined(before, escape(name)) for name, shape in node.tensors.items() if not shape]
        tensors = {name: shape for name, shape in node.tensors.items() if shape}
        kept = {
            name: self._kept(guess) for name, guess in self._guesses(tensors, is_layer=bool(before)).items()
        }
        self.doubts += [
            name for name, guess in kept.items() if not guess.is_sure and self.facts.width in tensors[name]
        ]
        yield from _written(kept, indent)
        for run in node.runs:
            pattern = joined(escape(run.before), "*")
            yield f"{indent}{json.dumps(pattern)}:  # {run.members} alike"
            yield from self.lines(run.inside, joined(before, pattern))

    def _guesses(self, tensors: Mapping[str, Shape], *, is_layer: bool) -> dict[str, Guess]:
        if is_layer:
            guesses, sizes = layer_guesses(tensors, self.facts)
            self.sizes.update(sizes)
            return guesses
        guesses = outer_guesses(tensors, self.facts)
        self.has_reader = any(guess.reason == READS for guess in guesses.values())
        return guesses

    def _kept(self, guess: Guess) -> Guess:
        """The guess without the groups that were dropped."""
        if not any(_groups(axis) & set(self.dropped) for axis in guess.axes):
            return guess
        axes = tuple(FIXED if _groups(axis) & set(self.dropped) else axis for axis in guess.axes)
        return Guess(axes, f"{guess.reason}, but nothing reads or makes them", is_sure=False)


def scaffold(model: ModelShape, dropped: Collection[str] = ()) -> str:
    """The text of the table."""
    tree = name_tree(model.tensors)
    made = Scaffold(model_facts(model, tree), dropped)
    lines = list(made.lines(tree))
    used = {
        name
        for line in lines
        if not line.strip().startswith("#")
        for name in _groups(line.rpartition('": ')[2])
    }
    sizes = {name: size for name, size in made.sizes.items() if name in used}
    return (
        "\n".join([*_head(made.facts, used), *_sizes(sizes), *_body(made, lines), *_frozen(made, used)])
        + "\n"
    )


def _head(facts: ModelFacts, used: Collection[str]) -> list[str]:
    if STREAM not in used:
        return ["# A stream that all layers read and write was not found."]
    told = f"{facts.width} wide, as {facts.width_from}"
    return [f"# {STREAM} is the stream that all layers read and write: {told}.", f"shared: [{STREAM}]"]


def _body(made: Scaffold, lines: list[str]) -> Iterator[str]:
    if lines:
        yield "tensors:"
        yield from lines
    if made.scalars or not lines:
        yield f"fixed: {json.dumps(made.scalars)}"


def _written(guesses: Mapping[str, Guess], indent: str) -> Iterator[str]:
    """Tensors by the reasons of their guesses; names with one guess stand together."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for name, guess in guesses.items():
        reason = f"{'' if guess.is_sure else REVIEW}{guess.reason}"
        reasons.setdefault(reason, {}).setdefault(guess.text, []).append(escape(name))
    for reason, alike in reasons.items():
        yield f"{indent}# {reason}"
        for axes, names in alike.items():
            yield from (f"{indent}{json.dumps(key)}: {axes}" for key in _keys(names))


def _keys(names: list[str]) -> Iterator[str]:
    key = names[0]
    for name in names[1:]:
        if len(key) + len(name) > _LONGEST_KEY:
            yield key
            key = name
        else:
            key = f"{key}, {name}"
    yield key


def _sizes(sizes: Mapping[str, str]) -> Iterator[str]:
    if sizes:
        yield f"sizes: {{{', '.join(f'{name}: {size}' for name, size in sizes.items())}}}"


def _frozen(made: Scaffold, used: Collection[str]) -> Iterator[str]:
    """What keeps the stream in order while something that concerns it is in doubt."""
    reasons = list(_doubts(made)) if STREAM in used else []
    if reasons:
        yield "frozen:"
        yield f"  # {REVIEW}the stream stays until this is removed:"
        yield from (f"  # {reason}" for reason in reasons)
        yield f"  - {{groups: [{STREAM}]}}"


def _doubts(made: Scaffold) -> Iterator[str]:
    """Why a permuted stream might change the model."""
    if made.doubts:
        shown = ", ".join(f"`{name}`" for name in made.doubts[:_SHOWN])
        yield f"{shown}{', ...' if len(made.doubts) > _SHOWN else ''} may read or write it otherwise"
    if not (made.facts.has_stored_positions or made.facts.is_rotary):
        yield "positions may be computed and added to it: none are stored"
    if not (made.has_reader or made.facts.is_tied):
        yield "no head is stored that reads it: it may be what the model gives"


def _groups(axis: str) -> set[str]:
    """The names of groups, and of fixed factors, in an axis."""
    return set(re.findall(r"\w*[A-Za-z]\w*", axis))
