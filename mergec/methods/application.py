"""A merge method, applied tensor by tensor."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from mergec.ir.expression import Tensor, identical
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry
from mergec.methods.arguments import Arguments, MethodModels, MethodNumbers
from mergec.methods.degrees import Degrees
from mergec.methods.larger_tensors import accept_larger, find_larger, refuse_larger
from mergec.methods.method import Method, MethodError
from mergec.methods.parameter import Role
from mergec.methods.pieces.rounding import rounding_dtype
from mergec.steps.errors import BadOperation

if TYPE_CHECKING:
    from mergec.ir.config_edit import ConfigEdit
    from mergec.ir.graph import NodeId
    from mergec.steps.operation import Call


class Application:
    """One use of a method, ready to be applied tensor by tensor.

    `config` holds what the tensors that were made change in config.json.
    """

    def __init__(
        self,
        method: Method,
        keys: Any,  # noqa: ANN401  # made at run time
        models: MethodModels,
        numbers: MethodNumbers,
        call: Call,
    ) -> None:
        """Prepare to apply the method with these keys."""
        self._method = method
        self._models = models
        self._call = call
        self._arguments = Arguments(method, keys, models, numbers, call)
        allows_scaling = getattr(keys, "allow_scaling", False)
        self._degrees = Degrees(method, models, numbers, call, allows_scaling=allows_scaling)
        self._larger = getattr(keys, "larger", None)
        self._stored = rounding_dtype(keys.arithmetic)
        self.config: tuple[ConfigEdit, ...] = ()
        self._problems: dict[str, list[str]] = {}

    def entries(self, names: list[str]) -> dict[str, Entry]:
        """The resulting tensors."""
        found = {name: [table.entries[name] for table in self._models.merged()] for name in names}
        carried = [name for name, some in found.items() if all(entry.dtype.is_integral for entry in some)]
        computed = [name for name in names if name not in set(carried)]
        calls = self._calls(computed)
        entries: dict[str, Entry] = {}
        for name, some in found.items():
            if name not in calls:
                entries[name] = self._carried(name, some)
            else:
                entries[name] = Entry(self._built(name, calls[name]), self._stored or some[0].dtype)
        self._judge_sizes(computed)
        self._report_problems()
        if carried:
            base = self._models.base
            what = f"not averaged, taken from {base.name}" if base else "not averaged, must be equal"
            self._call.remarks.append(Remark(self._call.name, what, tuple(carried)))
        return entries

    def _calls(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """The arguments for each tensor; none where the survey of all tensors fails."""
        calls = {name: self._arguments.of(name) for name in names}
        if self._method.survey is not None and calls:
            try:
                surveyed = self._method.survey(list(calls.values()))
            except MethodError as error:
                self._problems[str(error)] = []
                return {}
            for parameter, arguments in product(self._method.of_role(Role.SURVEYED), calls.values()):
                arguments[parameter.argument] = surveyed
        return calls

    def _built(self, name: str, arguments: dict[str, Any]) -> NodeId:
        try:
            result = self._method.build(**arguments)
        except MethodError as error:
            self._problems.setdefault(str(error), []).append(name)
            return self._models.merged()[0].entries[name].node
        self._degrees.demand(name)
        return self._degrees.declared(name, result).node

    def _report_problems(self) -> None:
        for problem, where in self._problems.items():
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            told = f"{problem} (for `{where[0]}`{more})" if where else problem
            self._call.report.add(
                BadOperation(span=self._call.span, operation=self._method.name, problem=told)
            )

    def _judge_sizes(self, names: list[str]) -> None:
        """Refuse tensors that are larger than the base's, or say so, as the recipe wants it."""
        base, call = self._models.base, self._call
        if self._larger is None or base is None:
            return
        found = find_larger(names, base, self._models.merged(), call)
        if found and self._larger == "error":
            refuse_larger(found, len(names), base.name, call)
        elif found:
            self.config = accept_larger(found, len(names), base.name, call)

    def _carried(self, name: str, found: list[Entry]) -> Entry:
        """An integer tensor: the base's, or the one that all inputs share.

        Codes of quantised weights are no counters: the base's would stand for a merge that never was.
        """
        if self._models.base is not None and not any(entry.node in self._call.packed for entry in found):
            return self._models.base.entries[name]
        tensors = [Tensor(self._call.graph, entry.node, self._call.span) for entry in found]
        return Entry(identical(tensors).node, found[0].dtype)
