"""The tensors of a mixture of experts, taken from dense models."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.model_table import Entry
from mergec.ir.primitives import CAST, FILL, NORMAL
from mergec.ir.random_primitives import GENERATED
from mergec.ir.strided_view import StridedView
from mergec.steps.init import NormalFill
from mergec.steps.moe_errors import NoBaseForExperts, NoExpert, WrongRouters
from mergec.steps.moe_layouts import DENSE, MOE_LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import Span
    from mergec.ir.model_table import ModelTable
    from mergec.ir.strided_view import Shape
    from mergec.steps.moe import MoeKeys
    from mergec.steps.moe_layouts import MoeLayout
    from mergec.steps.operation import Call

_LAYERS = "model.layers."
_ATTENTION_BIASES = ("q_proj.bias", "k_proj.bias", "v_proj.bias")


class Experts:
    """The experts and routers of one use of `op: moe`. Mistakes are reported as they are met."""

    def __init__(self, keys: MoeKeys, layout: MoeLayout, call: Call) -> None:
        """Prepare to take them from the models of the call."""
        self._keys = keys
        self._layout = layout
        self._call = call
        self._base = call.models[keys.base]

    @cached_property
    def layers(self) -> list[str]:
        """What the names of each layer of the base begin with, in order."""
        numbers = {
            name[len(_LAYERS) :].partition(".")[0] for name in self._base.entries if name.startswith(_LAYERS)
        }
        return [f"{_LAYERS}{number}." for number in sorted(map(int, filter(str.isdecimal, numbers)))]

    @property
    def width(self) -> int:
        """The inner size of the first expert."""
        expert = self._call.models[self._keys.experts[0]]
        return self._shape(expert, f"{self.layers[0]}mlp.{DENSE[0]}.weight")[0]

    def entries(self) -> dict[str, Entry]:
        """All tensors of the mixture; those of the base alone where it cannot be one."""
        if not self._is_base_fit() or not self._are_experts_fit():
            return dict(self._base.entries)
        made = {name: entry for name, entry in self._base.entries.items() if not self._is_mlp(name)}
        for layer in self.layers:
            made.update(self._experts(layer))
        made.update(self._routers())
        if self._layout.shared and self._keys.shared is not None:
            for layer in self.layers:
                made.update(self._shared(layer, made))
        return made

    def _is_mlp(self, name: str) -> bool:
        return any(
            name == f"{layer}mlp.{matrix}.weight" for layer in self._layer_of(name) for matrix in DENSE
        )

    def _layer_of(self, name: str) -> list[str]:
        if not name.startswith(_LAYERS):
            return []
        return [f"{_LAYERS}{name[len(_LAYERS) :].partition('.')[0]}."]

    def _shape(self, table: ModelTable, name: str) -> Shape:
        return self._call.graph.type(table.entries[name].node).shape

    def _is_base_fit(self) -> bool:
        """Whether the base is a dense model of the family; reports MC0395."""
        problem, help_ = self._unfit()
        if problem:
            span = self._call.place.child("base").span()
            found = NoBaseForExperts(
                span=span, model=self._keys.base, layout=self._keys.layout, problem=problem, help=help_
            )
            self._call.report.add(found)
        return not problem

    def _unfit(self) -> tuple[str, str | None]:
        config = self._base.facts.config if self._base.facts else {}
        dense = self._layout.dense
        kind = config.get("model_type")
        if kind is None:
            return "no config.json tells what it is", "give its source a folder with config.json"
        if kind not in dense:
            wanted = " or ".join(f"`{one}`" for one in dense)
            fitting = next((name for name, one in MOE_LAYOUTS.items() if kind in one.dense), None)
            help_ = f"write `layout: {fitting}`" if fitting else None
            return f"it is a `{safe(str(kind))}`, and such a mixture is made of {wanted}", help_
        missing = next(
            (
                n
                for layer in self.layers
                for m in DENSE
                if (n := f"{layer}mlp.{m}.weight") not in self._base.entries
            ),
            None,
        )
        if missing is not None or not self.layers:
            return f"it has no `{missing or f'{_LAYERS}0.mlp.{DENSE[0]}.weight'}`", None
        bias = next((name for name in self._base.entries if self._is_strange_bias(name)), None)
        if bias is not None:
            return f"such a model has no `{safe(bias)}`", None
        return "", None

    def _is_strange_bias(self, name: str) -> bool:
        if not name.startswith(_LAYERS) or not name.endswith(".bias"):
            return False
        return not (self._layout.biased and name.endswith(_ATTENTION_BIASES))

    def _are_experts_fit(self) -> bool:
        """Whether all models give MLPs of the same sizes for every layer; reports MC0396."""
        place = self._call.place
        givers = [
            (name, place.child("experts").child(at).span()) for at, name in enumerate(self._keys.experts)
        ]
        if self._keys.shared is not None:
            givers.append((self._keys.shared, place.child("shared").span()))
        first = self._call.models[givers[0][0]]
        found = [one for name, span in givers if (one := self._unfit_expert(name, span, first)) is not None]
        told: dict[str, NoExpert] = {}
        for one in found:
            told.setdefault(one.model, one)
        self._call.report.extend(told.values())
        return not found

    def _unfit_expert(self, name: str, span: Span, first: ModelTable) -> NoExpert | None:
        table = self._call.models[name]
        for layer in self.layers:
            for matrix in DENSE:
                tensor = f"{layer}mlp.{matrix}.weight"
                if tensor not in table.entries:
                    return NoExpert(span=span, model=name, problem=f"it has no `{tensor}`")
                shape, wanted = self._shape(table, tensor), self._wanted(tensor, first)
                if shape != wanted:
                    problem = f"its `{tensor}` is {list(shape)}, and has to be {list(wanted)}"
                    return NoExpert(span=span, model=name, problem=problem)
        return None

    def _wanted(self, tensor: str, first: ModelTable) -> Shape:
        """The hidden size of the base and the inner size of the first expert's first layer."""
        hidden = self._hidden
        name = f"{self.layers[0]}mlp.{DENSE[0]}.weight"
        inner = self._shape(first, name)[0] if name in first.entries else 0
        return (hidden, inner) if tensor.endswith(f"{DENSE[2]}.weight") else (inner, hidden)

    @cached_property
    def _hidden(self) -> int:
        return self._shape(self._base, f"{self.layers[0]}mlp.{DENSE[0]}.weight")[1]

    def _experts(self, layer: str) -> Iterator[tuple[str, Entry]]:
        for number, name in enumerate(self._keys.experts):
            for matrix, made in zip(DENSE, self._layout.matrices, strict=True):
                to = self._layout.expert.format(number=number, matrix=made)
                yield f"{layer}{to}", self._call.models[name].entries[f"{layer}mlp.{matrix}.weight"]

    def _shared(self, layer: str, made: dict[str, Entry]) -> Iterator[tuple[str, Entry]]:
        assert self._keys.shared is not None
        table, prefix = self._call.models[self._keys.shared], f"{layer}{self._layout.shared}"
        gate = f"{prefix}_gate.weight"
        is_given = gate in made
        for matrix in DENSE:
            entry = table.entries[f"{layer}mlp.{matrix}.weight"]
            if matrix == DENSE[2] and not is_given:  # its gate of zeros lets half of it through
                doubled = Tensor(self._call.graph, entry.node, self._call.span) * 2.0
                entry = Entry(doubled.with_degree(1.0).node, entry.dtype)
            yield f"{prefix}.{matrix}.weight", entry
        if not is_given:
            yield gate, self._filled(gate, (1, self._hidden), None)

    def _routers(self) -> dict[str, Entry]:
        shape = (len(self._keys.experts), self._hidden)
        names = [f"{layer}{self._layout.router}" for layer in self.layers]
        gates = self._keys.gates
        if isinstance(gates, NormalFill) or gates == "zeros":
            deviation = gates.normal if isinstance(gates, NormalFill) else None
            return {name: self._filled(name, shape, deviation) for name in names}
        wanted: dict[str, Shape] = dict.fromkeys(names, shape)
        table = self._call.models[gates.model]
        if self._layout.shared:
            optional = [f"{layer}{self._layout.shared}_gate.weight" for layer in self.layers]
            wanted |= {name: (1, self._hidden) for name in optional if name in table.entries}
        return self._given(table, wanted, gates.model)

    def _given(self, table: ModelTable, wanted: dict[str, Shape], model: str) -> dict[str, Entry]:
        span = self._call.place.child("gates").child("model").span()
        for name, shape in wanted.items():
            problem = "" if name in table.entries else f"it has no `{name}`"
            if not problem and self._shape(table, name) != shape:
                problem = f"`{name}` is {list(self._shape(table, name))}, and has to be {list(shape)}"
            if problem:
                self._call.report.add(WrongRouters(span=span, model=model, problem=problem))
                return {}
        return {name: table.entries[name] for name in wanted}

    def _filled(self, name: str, shape: Shape, deviation: float | None) -> Entry:
        """Zeros or normal values, in the dtype of the base's MLPs."""
        graph, origin = self._call.graph, self._call.span
        dtype = self._base.entries[f"{self.layers[0]}mlp.{DENSE[0]}.weight"].dtype
        if deviation is None:
            return Entry(graph.add(FILL, (), (shape, dtype, 0.0, 1.0), origin), dtype)
        view = StridedView.contiguous(GENERATED, 0, DType.F32, shape)
        drawn = graph.add(NORMAL, (), (view, 1.0, self._keys.seed, name, deviation), origin)
        return Entry(graph.add(CAST, (drawn,), (dtype,), origin), dtype)
