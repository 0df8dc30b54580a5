"""Modules that follow one another: what each one gives is what the next one takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.ir.natural_order import natural_key
from mergec.recipe.no_match import matches_nothing
from mergec.symmetries.errors import BrokenChain
from mergec.symmetries.placed import PlacedFactor, PlacedTensor, Symbol
from mergec.symmetries.table_entries import Tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.diagnostics import Report
    from mergec.ir.strided_view import Shape
    from mergec.symmetries.placed import PlacedAxis
    from mergec.symmetries.table_entries import Chain

    # The tensors of a module by the last part of their names.
    _Module = dict[str, Shape]

UNITS = "units"
_STATISTICS = ("running_mean", "running_var")
_COUNTER = "num_batches_tracked"
_WRITE_OUT = "list its tensors under `tensors`, which comes before the chain"


def place_chain(
    chain: Chain | None, shapes: Mapping[str, Shape], report: Report
) -> dict[str, PlacedTensor | None]:
    """The tensors of a table's chains among these, by name; None for those that stay as they are.

    Each list of numbered modules is a chain of its own; several patterns make one chain together. Groups
    are called by the module that makes their units. Reports MC0511, and MC0125 for a pattern of the user's.
    """
    if chain is None:
        return {}
    modules: dict[str, _Module] = {}
    for name, shape in shapes.items():
        module, _, last = name.rpartition(".")
        modules.setdefault(module, {})[last] = shape
    runs: dict[str, list[str]] = {}
    for pattern in chain.patterns:
        bound = pattern.bind(modules)
        if not bound.matches and not chain.is_built_in:
            report.add(matches_nothing(pattern, modules))
        for module in sorted(bound.matches, key=natural_key):
            place = bound.place_of(module)
            key = place[0] if place is not None and len(chain.patterns) == 1 else ""
            runs.setdefault(key, []).append(module)
    placed: dict[str, PlacedTensor | None] = {}
    for names in runs.values():
        entry = Tensors(chain.patterns[0], (), chain.span, chain.is_built_in)
        placed.update(_Run({name: modules[name] for name in names}, entry, report).tensors())
    return placed


@dataclass
class _Run:
    """Goes along a chain's modules. `units` are those that the last layer gave, None where they stay."""

    modules: Mapping[str, _Module]
    entry: Tensors
    report: Report
    units: Symbol | None = None
    length: int = 0
    is_image: bool = False
    placed: dict[str, PlacedTensor | None] = field(default_factory=dict)

    def tensors(self) -> dict[str, PlacedTensor | None]:
        """The tensors of the chain; of one that breaks, which is reported, some without axes."""
        layers = list(_layers(self.modules))
        for name, module in self.modules.items():
            if name in layers:
                problem = self._layer(name, module, is_last=name == layers[-1])
            else:
                problem = self._vectors(name, module)
            if problem is not None:
                span = self.entry.span
                self.report.add(BrokenChain(span=span, module=name, problem=problem, help=_WRITE_OUT))
                rest = (_joined(one, key) for one, held in self.modules.items() for key in held)
                return {**dict.fromkeys(rest), **self.placed}
        return self.placed

    def _layer(self, name: str, module: _Module, *, is_last: bool) -> str | None:
        """Place a layer that makes new units; says what is wrong."""
        weight = module["weight"]
        taken = self._now(weight[1])
        if taken is None:
            return f"it takes {weight[1]} inputs, and the layer before gives {self.length}"
        self.units = None if is_last else Symbol(name, UNITS)
        self.length, self.is_image = weight[0], len(weight) > 2
        units = _fixed(weight[0]) if self.units is None else ((PlacedFactor(self.units, is_group=True),),)
        self._place(name, "weight", units, weight, taken)
        return self._vectors(name, {key: shape for key, shape in module.items() if key == "bias"})

    def _vectors(self, name: str, module: _Module) -> str | None:
        """Place what acts on each unit by itself, a norm or a depthwise convolution; says what is wrong."""
        if self.units is not None and self.is_image and _may_be_group_norm(module):
            return "it may be a GroupNorm, whose groups its tensors do not tell"
        for key in ("weight", "bias", *_STATISTICS):
            shape = module.get(key, ())
            if not shape:
                continue
            # PReLU may have one slope for all units.
            axis = _fixed(1) if shape == (1,) and self.length != 1 else self._now(shape[0])
            if axis is None:
                return f"its `{key}` has length {shape[0]}, and the layer before gives {self.length}"
            self._place(name, key, axis, shape)
        if _COUNTER in module:
            self.placed[_joined(name, _COUNTER)] = None
        return None

    def _now(self, length: int) -> PlacedAxis | None:
        """An axis of this length over the units as they are now; an image's may each be several in a row."""
        if self.units is None:
            return _fixed(length) if self.length in {0, length} or self.is_image else None
        units = PlacedFactor(self.units, is_group=True)
        if length == self.length:
            return ((units,),)
        if self.is_image and length % self.length == 0:
            return ((units, PlacedFactor(None, size=length // self.length)),)
        return None

    def _place(
        self, module: str, key: str, units: PlacedAxis, shape: Shape, taken: PlacedAxis | None = None
    ) -> None:
        first = (units,) if taken is None else (units, taken)
        axes = (*first, *map(_fixed, shape[len(first) :]))
        name = _joined(module, key)
        is_matched = key not in _STATISTICS
        self.placed[name] = PlacedTensor((name,), shape, (axes,), self.entry, is_matched)


def _layers(modules: Mapping[str, _Module]) -> Iterator[str]:
    """The modules that make new units of those that they take."""
    length = 0
    for name, module in modules.items():
        weight = module.get("weight", ())
        is_depthwise = len(weight) > 2 and weight[1] == 1 and weight[0] == length > 1
        if len(weight) > 1 and not is_depthwise:
            length = weight[0]
            yield name


def _may_be_group_norm(module: _Module) -> bool:
    return len(module.get("weight", ())) == 1 and "bias" in module and _STATISTICS[0] not in module


def _joined(module: str, key: str) -> str:
    return f"{module}.{key}" if module else key


def _fixed(length: int) -> PlacedAxis:
    return ((PlacedFactor(None, size=length),),)
