"""Degrees of a method's models, which must be weights or differences, and of what it makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.graph import DegreeDemand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import Span
    from mergec.ir.expression import Tensor
    from mergec.ir.model_table import ModelTable
    from mergec.methods.arguments import MethodModels, MethodNumbers
    from mergec.methods.method import Method
    from mergec.steps.operation import Call

_TOLERANCE = 1e-6
_SHOWN = 4  # models in a sum
_DEGREES = {"weights": 1.0, "delta": 0.0}


class Degrees:
    """What one use of a method demands of degrees, and what it gives."""

    def __init__(
        self,
        method: Method,
        models: MethodModels,
        numbers: MethodNumbers,
        call: Call,
        *,
        allows_scaling: bool,
    ) -> None:
        """Judge the use of a method that `call` is."""
        self._method = method
        self._models = models
        self._numbers = numbers
        self._call = call
        self._allows_scaling = allows_scaling

    def demand(self, name: str) -> None:
        """Demand of each model's tensor the degree that the method needs."""
        wanted = self._wanted(name)
        if wanted is None:
            return
        for table, span in self._judged():
            degree = self._degree(table, name)
            if degree is not None and abs(degree - wanted) > _TOLERANCE:
                place = f"`{table.name}` in `{self._call.name}`"
                self._call.demands.append(DegreeDemand(self._call.name, name, wanted, degree, place, span))

    def declared(self, name: str, result: Tensor) -> Tensor:
        """The result, of the degree that the method promises."""
        gives = self._method.gives
        if gives == "weighted sum":
            return self._summed(name, result)
        degree = self._common(name) if gives == "as inputs" else _DEGREES.get(gives or "")
        return result if degree is None or result.degree == degree else result.with_degree(degree)

    def _wanted(self, name: str) -> float | None:
        if self._method.needs is not None:
            return _DEGREES[self._method.needs]
        return self._common(name) if self._method.gives == "as inputs" else None

    def _common(self, name: str) -> float | None:
        """The degree of the first model, which the others must share."""
        degrees = (self._degree(table, name) for table in self._models.merged())
        return next((degree for degree in degrees if degree is not None), None)

    def _judged(self) -> Iterator[tuple[ModelTable, Span]]:
        """The models whose degree matters, and where the recipe names each."""
        place, models = self._call.place, self._models
        if self._method.needs != "delta":
            keys = {p.argument: p.key for p in self._method.parameters}
            yield from (
                (table, place.child(keys[argument]).span()) for argument, table in models.named.items()
            )
        yield from ((table, models.places[name].name_span()) for name, table in models.listed.items())

    def _degree(self, table: ModelTable, name: str) -> float | None:
        return self._call.graph.type(table.entries[name].node).degree

    def _summed(self, name: str, result: Tensor) -> Tensor:
        """A sum of weights is weights: where its coefficients do not sum to 1, that is demanded."""
        degrees = [self._degree(table, name) for table in self._models.merged()]
        is_mix_of_weights = all(d is not None and abs(d - 1) <= _TOLERANCE for d in degrees)
        if not is_mix_of_weights or result.degree is None or abs(result.degree - 1) <= _TOLERANCE:
            return result
        if not self._allows_scaling:
            listed = self._method.listed
            self._call.demands.append(
                DegreeDemand(
                    model=self._call.name,
                    tensor=name,
                    wanted=1.0,
                    found=result.degree,
                    place="weights",
                    span=self._call.place.key_span(listed.key if listed is not None else "op"),
                    why=self._sum_of_weights(name, result.degree),
                )
            )
        return result.with_degree(1.0)

    def _sum_of_weights(self, name: str, total: float) -> str:
        """What the weights of a tensor are, as a schedule or a parameter may hide them."""
        weights = next(iter(self._numbers.per_model.values()), {})
        terms = [f"{numbers[name]:.6g} (`{model}`)" for model, numbers in weights.items()]
        more = f" + {len(terms) - _SHOWN} more" if len(terms) > _SHOWN else ""
        return f"the weights: {' + '.join(terms[:_SHOWN])}{more} = {total:.6g}" if terms else ""
