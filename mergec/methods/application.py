"""A merge method, applied tensor by tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.ir.expression import Tensor, identical
from mergec.ir.graph import Remark
from mergec.ir.linear_form import linear_form
from mergec.ir.model_table import Entry
from mergec.methods.arguments import Arguments, MethodModels, MethodNumbers
from mergec.methods.degrees import Degrees
from mergec.methods.larger_tensors import accept_larger, find_larger, refuse_larger
from mergec.methods.method_calls import MethodCalls
from mergec.methods.pieces.rounding import rounding_dtype
from mergec.methods.unlike import unlike

if TYPE_CHECKING:
    from mergec.ir.config_edit import ConfigEdit
    from mergec.ir.graph import NodeId
    from mergec.methods.method import Method
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
        self._calls = MethodCalls(method, call)

    def entries(self, names: list[str]) -> dict[str, Entry]:
        """The resulting tensors."""
        found = {name: [table.entries[name] for table in self._models.merged()] for name in names}
        carried = [name for name, some in found.items() if all(entry.dtype.is_integral for entry in some)]
        computed = [name for name in names if name not in set(carried)]
        refused = self._refused(computed)
        arguments = self._arguments_of([name for name in computed if name not in refused])
        entries: dict[str, Entry] = {}
        for name, some in found.items():
            if name in refused:
                entries[name] = Entry(refused[name], some[0].dtype)
            elif name not in arguments:
                entries[name] = self._carried(name, some)
            else:
                entries[name] = Entry(self._built(name, arguments[name]), self._stored or some[0].dtype)
        self._judge_sizes(computed)
        self._calls.report()
        if carried:
            base = self._models.base
            what = f"not averaged, taken from {base.name}" if base else "not averaged, must be equal"
            self._call.remarks.append(Remark(self._call.name, what, tuple(carried)))
        return entries

    def _refused(self, names: list[str]) -> dict[str, NodeId]:
        """The tensors that the models hold in forms that do not go together."""
        nodes = {name: [table.entries[name].node for table in self._models.merged()] for name in names}
        found = {name: unlike(self._method, some, self._call) for name, some in nodes.items()}
        return {name: node for name, node in found.items() if node is not None}

    def _arguments_of(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """The arguments for each tensor; none where the survey of all tensors finds them wrong."""
        found = {name: self._arguments.of(name) for name in names}
        return found if self._calls.survey(list(found.values())) else {}

    def _built(self, name: str, arguments: dict[str, Any]) -> NodeId:
        nodes = [table.entries[name].node for table in self._models.merged()]
        models = [Tensor(self._call.graph, node) for node in nodes]
        result = self._calls.build(name, arguments, models)
        if result is None:
            return nodes[0]
        self._degrees.demand(name)
        made = self._degrees.declared(name, result).node
        operands = {table.entries[name].node for table in self._models.merged()}
        # What a sum comes to is told by its terms.
        if not operands >= linear_form(self._call.graph, made, operands).keys():
            self._call.told.setdefault(made, self._arguments.told(name))
        return made

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
