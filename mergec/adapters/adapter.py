"""An adapter as the dialects read it, and what they make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.diagnostics import Diagnostic, Span
    from mergec.ir.expression import Tensor
    from mergec.ir.source_facts import SourceFacts


@dataclass(frozen=True, slots=True)
class Adapter:
    """The tensors of an adapter source by the names that they have in it, after its rename rules.

    Values are checked to be finite when they are read. `name` is that of the source, `span` the place
    where the recipe folds it. `is_for_residual` says that the base is the one that the adapter's
    initialisation left behind (PiSSA and its like), so that a plain fold is right.
    """

    name: str
    tensors: Mapping[str, Tensor]
    facts: SourceFacts
    span: Span | None
    is_for_residual: bool = False

    @property
    def origin_notes(self) -> tuple[str, ...]:
        """What its configuration says that it was trained on, if it does, as a note for a diagnostic."""
        said = (self.facts.adapter_config or {}).get("base_model_name_or_path")
        is_said = isinstance(said, str) and said
        return (f"its adapter_config.json says that it was trained on `{safe(said)}`",) if is_said else ()


@dataclass(frozen=True, slots=True)
class Delta:
    """Adds to a tensor of the base: W + value * (scale * strength).

    `value` has the shape of the target. `uses` names the adapter's tensors that the fold consumes.
    """

    target: str
    uses: tuple[str, ...]
    value: Tensor
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Computes a tensor of the base anew: W + (change(W, original) - W) * strength.

    `W` is the tensor with the folds before this one applied, `original` that of the base itself. At
    strength 1 it is `change(W, original)` to the bit.
    """

    target: str
    uses: tuple[str, ...]
    change: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Puts a full tensor in the place of the base's, or adds it where the base has none."""

    target: str
    uses: tuple[str, ...]
    value: Tensor


Fold = Delta | Rewrite | Replacement


@dataclass(slots=True)
class Reading:
    """What a dialect made of an adapter.

    `folds` are in the order in which they are applied. `unmatched` gives, for each adapter tensor whose
    target the base does not have, the name that was looked for. `problems` are mistakes that the
    dialect found, `warnings` what it could not be sure of. `ignored` gives, for each adapter tensor that is
    rightly left out, the reason. `keeps_ties` names targets whose tensor changes in all its uses, also where
    the base ties it to another. A tensor of the adapter that is in none of these was not understood at all.
    """

    folds: list[Fold] = field(default_factory=list)
    unmatched: dict[str, str] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    keeps_ties: set[str] = field(default_factory=set)
