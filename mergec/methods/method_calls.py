"""The functions of a method, called; what they find wrong is gathered, and told once for all tensors."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from mergec.ir.expression import Tensor
from mergec.methods.errors import PluginFailed
from mergec.methods.method import MethodError
from mergec.methods.parameter import Role
from mergec.methods.plugin_guard import PluginError, guarded
from mergec.steps.errors import BadOperation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from mergec.diagnostics import Diagnostic
    from mergec.methods.method import Method
    from mergec.steps.operation import Call


class _Problem(NamedTuple):
    """The tensors for which something is wrong, and what there is to say of the first."""

    names: list[str]
    notes: tuple[str, ...]


class MethodCalls:
    """Calls what one use of a method is made of."""

    def __init__(self, method: Method, call: Call) -> None:
        """Call the functions of this method."""
        self._method = method
        self._call = call
        self._problems: dict[tuple[type[Exception], str], _Problem] = {}

    def survey(self, calls: Sequence[dict[str, Any]]) -> bool:
        """Give each call what the survey of all of them finds; False where it finds them wrong."""
        if self._method.survey is None or not calls:
            return True
        try:
            with self._guarded():
                found = self._method.survey(calls)
                self._check(found, is_optional=True)
        except (MethodError, PluginError) as error:
            self._add(error)
            return False
        for parameter, arguments in product(self._method.of_role(Role.SURVEYED), calls):
            arguments[parameter.argument] = found
        return True

    def build(self, name: str, arguments: dict[str, Any], models: Sequence[Tensor]) -> Tensor | None:
        """The expression of a tensor, made of these of the models; None where something is wrong."""
        try:
            with self._guarded():
                result = self._method.build(**arguments)
                self._check(result)
                self._check_shape(result, models)
        except (MethodError, PluginError) as error:
            self._add(error, name)
            return None
        return result

    def report(self) -> None:
        """Report what was wrong."""
        for (kind, problem), (names, notes) in self._problems.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            told = f"{problem} (for `{names[0]}`{more})" if names else problem
            self._call.report.add(self._diagnostic(kind, told, notes))

    def _diagnostic(self, kind: type[Exception], told: str, notes: tuple[str, ...]) -> Diagnostic:
        name, span, plugin = self._method.name, self._call.span, self._method.plugin
        if issubclass(kind, MethodError) or plugin is None:
            return BadOperation(span=span, operation=name, problem=told)
        return PluginFailed(span=span, operation=name, plugin=plugin.name, problem=told, notes=notes)

    def _add(self, error: MethodError | PluginError, *names: str) -> None:
        notes = error.notes if isinstance(error, PluginError) else ()
        self._problems.setdefault((type(error), str(error)), _Problem([], notes)).names.extend(names)

    def _guarded(self) -> AbstractContextManager[None]:
        plugin = self._method.plugin
        return nullcontext() if plugin is None else guarded("failed", plugin.own)

    def _check(self, result: object, *, is_optional: bool = False) -> None:
        """Refuse what is no expression of this graph."""
        is_ours = isinstance(result, Tensor) and result.graph is self._call.graph
        if not is_ours and not (is_optional and result is None):
            kind = "a Tensor of another build" if isinstance(result, Tensor) else type(result).__name__
            raise PluginError(f"gave {kind}, where a Tensor made of its arguments is needed")

    def _check_shape(self, result: Tensor, models: Sequence[Tensor]) -> None:
        """Refuse a result of another shape than all models have; where these differ, `check` judges."""
        shapes = {model.shape for model in models}
        if len(shapes) == 1 and result.shape not in shapes:
            told = f"its shape is {list(result.shape)}, and its models' tensors have {list(shapes.pop())}"
            raise PluginError("gave a tensor of another shape than its models have", (told,))
