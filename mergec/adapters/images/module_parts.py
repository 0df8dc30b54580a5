"""The tensors of one module of an adapter, and what can be wrong with them."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, NoReturn

from mergec.adapters.errors import AdapterMisfit, BadFactor, BadScale, IncompletePair, NotFoldable
from mergec.adapters.image_errors import FactorsDiffer
from mergec.adapters.images.small_values import number_in
from mergec.diagnostics import MergecError, safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.adapters.adapter import Adapter
    from mergec.adapters.images.module_place import Place
    from mergec.diagnostics import Diagnostic
    from mergec.ir.expression import Tensor
    from mergec.ir.strided_view import Shape


_FETCH = "fetch the file again, or look at what `keep`, `drop` and `rename` on the source do"
_PAIR = ("lora_down.weight", "lora_up.weight")
# How files spell the two.
_PAIRS = (("lora_down", "lora_up"), ("lora_A", "lora_B"), (".down.", ".up."))


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
        self._by, self._span = adapter.name, adapter.span
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
            shown = next(name for known, name in self.names.items() if known != "alpha")
            partner = self._partner(shown, part)
            by, span = self._by, self._span
            _stop(IncompletePair(span=span, adapter=by, tensor=shown, partner=partner))
        name = self.names[part]
        if name not in self.used:
            self.used.append(name)
        return self._adapter.tensors[name]

    def factor(self, part: str) -> Tensor:
        """A tensor of at least two axes, none of them empty."""
        tensor = self.tensor(part)
        if len(tensor.shape) < 2 or 0 in tensor.shape:
            by, span, shape = self._by, self._span, str(list(tensor.shape))
            _stop(BadFactor(span=span, adapter=by, tensor=self.names[part], shape=shape))
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
        if value is None or not isfinite(value):
            found = "no single number" if value is None else value
            problem = f"{found} stands in `{name}`"
            _stop(BadScale(span=self._span, adapter=self._by, problem=problem, help=_FETCH))
        return value

    def scale(self, rank: int) -> float:
        """Alpha divided by the rank; 1 where alpha is absent or 0."""
        return (self.number("alpha") or rank) / rank

    def need(self, *, fits: bool, parts: tuple[str, ...]) -> None:
        """Stop if these tensors do not fit each other."""
        if not fits:
            shown = [name for part, name in self.names.items() if part in parts]
            sizes = (f"`{safe(name)}` is {list(self._adapter.tensors[name].shape)}" for name in shown)
            by, span, note = self._by, self._span, ", ".join(sizes)
            _stop(FactorsDiffer(span=span, adapter=by, module=self.module, notes=(note,)))

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
        note = safe(f"{what}; `{self.place.title}` is {list(self.shape)}")
        by, span, target = self._by, self._span, self.place.pieces[0].weight
        _stop(AdapterMisfit(span=span, adapter=by, target=target, notes=(note,)))

    def refuse(self, kind: str, why: str, advice: str) -> NoReturn:
        """Stop because this cannot be folded at all."""
        by, span, notes = self._by, self._span, (safe(why),)
        _stop(NotFoldable(span=span, adapter=by, kind=kind, notes=notes, help=advice))

    def _partner(self, name: str, part: str) -> str:
        """What the missing tensor of a pair is called in this file, or in those of kohya-ss."""
        for down, up in _PAIRS:
            mine, other = (down, up) if part == "lora_up.weight" else (up, down)
            if part in _PAIR and mine in name:
                return name.replace(mine, other)
        return f"{self.module}.{part}"


def _stop(diagnostic: Diagnostic) -> NoReturn:
    raise MergecError([diagnostic])


def _without_kernel(shape: Shape) -> Shape:
    """A shape without axes of size 1 behind rows and columns: 1x1 convolutions are linear."""
    return shape if prod(shape[2:]) != 1 else shape[:2]
