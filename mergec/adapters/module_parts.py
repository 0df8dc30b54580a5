"""The tensors of one module of an adapter, and what can be wrong with them."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, NoReturn

from mergec.adapters.errors import AdapterMisfit, BadFactor, BadScale, IncompletePair, NotFoldable
from mergec.adapters.module_errors import FactorsDiffer
from mergec.adapters.small_values import number_in
from mergec.diagnostics import MergecError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.adapters.adapter import Adapter
    from mergec.adapters.module_place import Place
    from mergec.diagnostics import Diagnostic
    from mergec.ir.expression import Tensor
    from mergec.ir.strided_view import Shape


class ModuleParts:
    """A module of an adapter whose place in the base is known.

    `tensors` maps what a tensor is (`lora_up.weight`) to its name in the adapter. What is asked for
    counts as used. All methods stop with a MergecError that holds the one mistake found.
    """

    def __init__(
        self,
        module: str,
        tensors: Mapping[str, str],
        adapter: Adapter,
        place: Place,
        base: Mapping[str, Tensor],
    ) -> None:
        """Nothing is used yet."""
        self.module, self.place, self.base = module, place, base
        self.names, self._adapter = tensors, adapter
        self.used: list[str] = []

    def __contains__(self, part: str) -> bool:
        return part in self.names

    @property
    def shape(self) -> Shape:
        """The shape of the weight that the module changes."""
        return self.place.shape(self.base)

    def tensor(self, part: str) -> Tensor:
        """A tensor that must be there."""
        if part not in self.names:
            shown = next(iter(self.names.values()))
            self._stop(IncompletePair, tensor=shown, partner=shown.removesuffix(self._ending(shown)) + part)
        name = self.names[part]
        if name not in self.used:
            self.used.append(name)
        return self._adapter.tensors[name]

    def factor(self, part: str) -> Tensor:
        """A tensor of at least two axes, none of them empty."""
        tensor = self.tensor(part)
        if len(tensor.shape) < 2 or 0 in tensor.shape:
            self._stop(BadFactor, tensor=self.names[part], shape=str(list(tensor.shape)))
        return tensor

    def matrix(self, part: str) -> Tensor:
        """A factor, with the axes of a kernel laid side by side."""
        return self.factor(part).flattened()

    def number(self, part: str) -> float | None:
        """The value of a tensor of one element; None where there is no such tensor."""
        if part not in self.names:
            return None
        self.tensor(part)
        name = self.names[part]
        value = number_in(self._adapter, name)
        if value is None:
            self._stop(BadScale, problem=f"`{name}` is not one number in a file")
        if not isfinite(value):
            self._stop(BadScale, problem=f"`{name}` is {value}")
        return value

    def scale(self, rank: int) -> float:
        """Alpha divided by the rank; 1 where alpha is absent or 0."""
        return (self.number("alpha") or rank) / rank

    def need(self, *, fits: bool, parts: tuple[str, ...]) -> None:
        """Stop if these tensors do not fit each other."""
        if not fits:
            shown = (part for part in parts if part in self.names)
            notes = tuple(f"`{self.names[part]}` is {list(self.tensor(part).shape)}" for part in shown)
            self._stop(FactorsDiffer, module=self.module, notes=notes)

    def shaped(self, value: Tensor, made: Shape | None = None) -> Tensor:
        """A value in the shape of the module's weight; kernels of size 1 may be left out or added.

        `made` is its shape where the value itself is flattened.
        """
        made = made or value.shape
        if _without_kernel(made) != _without_kernel(self.shape):
            self.misfit(f"`{self.module}` makes {list(made)}")
        return value.reshape(*self.shape)

    def misfit(self, what: str) -> NoReturn:
        """Stop because the base's tensor has another shape."""
        note = f"{what}; `{self.place.title}` is {list(self.shape)}"
        self._stop(AdapterMisfit, target=self.place.pieces[0].weight, notes=(note,))

    def refuse(self, kind: str, why: str) -> NoReturn:
        """Stop because this cannot be folded at all."""
        self._stop(NotFoldable, kind=kind, notes=(why,))

    def _stop(self, diagnostic: Callable[..., Diagnostic], **facts: object) -> NoReturn:
        raise MergecError([diagnostic(adapter=self._adapter.name, span=self._adapter.span, **facts)])

    def _ending(self, name: str) -> str:
        return next(part for part, known in self.names.items() if known == name)


def _without_kernel(shape: Shape) -> Shape:
    """A shape without axes of size 1 behind rows and columns: 1x1 convolutions are linear."""
    return shape if prod(shape[2:]) != 1 else shape[:2]
