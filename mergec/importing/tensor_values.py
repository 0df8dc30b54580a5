"""Settings of mergekit -> schedules of mergec.

A gradient runs over the layers of a slice; embeddings, final norm and head get its first value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.importing.config_values import wrong
from mergec.importing.errors import NotCarriedOver
from mergec.recipe.pattern import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Report
    from mergec.importing.layer_list import LayerList
    from mergec.importing.mergekit_config import Choice, Constant, Setting

EVERYTHING = "**"
GRADIENT_REMARK = "as in mergekit, tensors outside of the layers get a gradient's first value"


@dataclass(frozen=True, slots=True)
class Layers:
    """The list of layers that gradients run over, and the part of it; None for all."""

    known: LayerList
    chosen: tuple[int, int] | None = None

    @property
    def pattern(self) -> str:
        """The layers, without what follows their number."""
        if self.chosen is None:
            return "**.[:]"
        return f"{self.known.path}.[{self.chosen[0]}:{self.chosen[1]}]"

    @property
    def is_single(self) -> bool:
        """Whether a gradient has but one layer to run over."""
        count = self.known.count if self.chosen is None else self.chosen[1] - self.chosen[0]
        return count == 1


def schedule(levels: Sequence[Setting], layers: Layers, default: float | None) -> object:
    """The value of each tensor: that of the first choice that fits, of the first level that has one.

    A number or a mapping of patterns; None where no level says anything and there is no default.

    Raises:
        MergecError: MC0840 for values that are no numbers.
    """
    values: dict[str, object] = {}
    for choice in (choice for level in levels for choice in level.choices):
        for pattern, value in _entries(choice, layers):
            values.setdefault(pattern, value)
        if EVERYTHING in values:
            break
    if default is not None:
        values.setdefault(EVERYTHING, default)
    if not values:
        return None
    return values[EVERYTHING] if set(values) == {EVERYTHING} else values


def has_gradient(value: object) -> bool:
    """Whether a schedule holds a gradient."""
    return isinstance(value, dict) and any(isinstance(one, list) for one in value.values())


def option(levels: Sequence[Setting], name: str, report: Report) -> Constant | None:
    """The one value of a parameter that cannot differ from tensor to tensor; None where no level has it."""
    if not levels:
        return None
    choices = levels[0].choices
    chosen = next((choice for choice in choices if choice.part is None), choices[0])
    if len(choices) > 1 or chosen.part is not None or len(chosen.values) > 1:
        what = f"`{name}` that differs from tensor to tensor"
        reason = f"the recipe has `{chosen.values[0]}` for all"
        report.add(NotCarriedOver(span=levels[0].span, what=what, reason=reason))
    return chosen.values[0]


def _entries(choice: Choice, layers: Layers) -> list[tuple[str, object]]:
    numbers = [_number(value, choice) for value in choice.values]
    part, known = choice.part, layers.known
    if part is not None and known.is_known and not (known.has_inside(part) or known.has_outside(part)):
        return []  # an entry that matches nothing would be an error
    if len(set(numbers)) == 1:
        return [(EVERYTHING if part is None else _containing(part), numbers[0])]
    in_layers: object = numbers[-1] if layers.is_single else numbers
    inside = (_inside(part, layers), in_layers)
    outside = (EVERYTHING if part is None else _containing(part), numbers[0])
    if part is None or (known.has_inside(part) and known.has_outside(part)):
        return [inside, outside]
    return [outside] if known.has_outside(part) else [inside]


def _number(value: Constant, choice: Choice) -> float:
    if isinstance(value, bool | str):
        raise wrong(choice.span, f"expected a number, found `{safe(str(value).lower())}`")
    return value


def _containing(part: str) -> str:
    """The names that hold this text."""
    if re.fullmatch(r"\w+(\.\w+)*", part, re.ASCII):
        return f"**{part}**"
    return f"re:{literal(part)}"


def literal(text: str) -> str:
    """The regular expression for this text, readable within quotes."""
    return re.escape(text).replace(r"\.", "[.]")


def _inside(part: str | None, layers: Layers) -> str:
    if part is None or part in f"{layers.known.path}.":
        return f"{layers.pattern}.**"
    return f"{layers.pattern}.**{escape(part)}**"
