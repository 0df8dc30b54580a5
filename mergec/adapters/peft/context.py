"""What the readers of all kinds of PEFT adapters share: the base, the findings, and the usual checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Reading
from mergec.adapters.errors import AdapterMisfit, BadFactor, IncompletePair, NotFoldable, RankMismatch
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.adapters.adapter import Adapter
    from mergec.adapters.peft.config import PeftConfig
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

# Factors that have one axis, or may have.
_VECTORS = {"lora_magnitude_vector", "vera_lambda_b", "vera_lambda_d", "ln_tuning_layers"}


@dataclass(slots=True)
class PeftContext:
    """An adapter on its way to folds. Findings go into `reading`.

    `base` follows the adapter's own full tensors, which its factors then are for. `orientations` gives, for
    each matrix that the adapter changes, whether its inputs come first; None where nothing but the
    configuration says it.
    """

    adapter: Adapter
    config: PeftConfig
    base: dict[str, Tensor]
    reading: Reading = field(default_factory=Reading)
    orientations: dict[str, bool | None] = field(default_factory=dict)

    def weight_of(self, module: PeftModule) -> str | None:
        """The name of the weight that a module's factors change; None after noting what is wrong with it."""
        # MultiheadAttention keeps q, k and v in one.
        names = (f"{module.path}.{parameter}" for parameter in ("weight", "in_proj_weight"))
        target = next((name for name in names if name in self.base), None)
        if target is None:
            self.missing(module.names, f"{module.path}.weight")
        elif len(self.base[target].shape) < 2:
            self.misfit(module, target, "a matrix")
            return None
        return target

    def missing(self, names: Sequence[str], target: str) -> None:
        """Note that the base lacks what these tensors are for."""
        self.reading.unmatched.update(dict.fromkeys(names, target))

    def bias_of(self, weight: str) -> str:
        """The name of the bias beside a weight."""
        return f"{weight.removesuffix('weight')}bias"

    def has(self, module: PeftModule, *roles: str) -> bool:
        """Whether a module has all of these factors, each whole. Reports what is not."""
        for role in roles:
            if role not in module.factors:
                self._incomplete(module, role)
                return False
        return all(self._is_whole(name, value, role) for role, (name, value) in module.factors.items())

    def _incomplete(self, module: PeftModule, lacking: str) -> None:
        name = module.names[0]
        partner = f"{module.path}.{lacking}"
        self.reading.problems.append(
            IncompletePair(span=self.adapter.span, adapter=self.adapter.name, tensor=name, partner=partner)
        )

    def _is_whole(self, name: str, value: Tensor, role: str) -> bool:
        is_vector = role in _VECTORS or role.endswith(".bias")
        if prod(value.shape) and len(value.shape) >= (1 if is_vector else 2):
            return True
        shape = str(list(value.shape))
        self.reading.problems.append(
            BadFactor(span=self.adapter.span, adapter=self.adapter.name, tensor=name, shape=shape)
        )
        return False

    def has_rank(self, module: PeftModule, role: str, found: int, path: str = "") -> bool:
        """Whether a factor has the rank that the configuration gives its module. Reports it if not."""
        said = self.config.rank_of(path or module.path)
        if found == said:
            return True
        advice = "correct `r` or `rank_pattern` in adapter_config.json, and `lora_alpha` with it"
        self.reading.problems.append(
            RankMismatch(
                span=self.adapter.span,
                adapter=self.adapter.name,
                tensor=module.factors[role][0],
                found=found,
                said=said,
                help=advice,
            )
        )
        return False

    def misfit(self, module: PeftModule, target: str, made: Sequence[int] | str) -> None:
        """Report factors that make another shape than the target has."""
        shapes = ", ".join(f"{role} {list(value.shape)}" for role, (_, value) in module.factors.items())
        made = made if isinstance(made, str) else f"[{', '.join(map(str, made))}]"
        notes = (
            f"`{self.adapter.name}`: {shapes} make {made} for `{safe(target)}`",
            f"the base holds `{safe(target)}` as {list(self.base[target].shape)}",
            *self.adapter.origin_notes,
        )
        self.reading.problems.append(
            AdapterMisfit(span=self.adapter.span, adapter=self.adapter.name, target=target, notes=notes)
        )

    def refuse(self, kind: str, reason: str, advice: str | None = None) -> None:
        """Report something about the adapter that no fold can do."""
        self.reading.problems.append(
            NotFoldable(
                span=self.adapter.span, adapter=self.adapter.name, kind=kind, notes=(reason,), help=advice
            )
        )
