"""What there is to say of a merge method, for the pages that say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mergec.cli.key_table import KeyRow, key_rows
from mergec.lock.yaml_text import yaml_text
from mergec.methods.parameter import REQUIRED, Role
from mergec.methods.worked_example import Holds, tensors_of, traits
from mergec.recipe.yaml_scalars import flow

if TYPE_CHECKING:
    from mergec.methods.example import Example, NamedValues
    from mergec.methods.method import Method
    from mergec.methods.method_operation import MethodOperation
    from mergec.methods.parameter import Parameter
    from mergec.methods.worked_example import Traits

_BYTES = {
    "R0": "R0, equal on every machine",
    "R1": "R1, equal for the same builds of torch and NumPy",
    "R2": "R2, equal within a tolerance",
}
_HOLDS = {
    Holds.TILES: "tiles",
    Holds.ROWS: "whole rows, some at a time; a tensor with one axis may be one row",
    Holds.WHOLE: "whole tensors, those of a few names at a time",
}
_NOT_GIVEN = {Role.RANDOM, Role.SURVEYED}
_MODEL = "merged"  # the model of an example


class MethodFacts(NamedTuple):
    """A method in words. `keys` are those of the operation, `per_model` what each model of its list is given.

    `models`, `needs`, `bytes_`, `memory` and `sweeps` tell what it takes; `example` is a model of a recipe
    with the values that it works on, as comments.
    """

    models: str
    needs: str
    bytes_: str
    memory: str
    sweeps: str
    keys: list[KeyRow]
    per_model: list[KeyRow]
    example: str
    origin: str


def method_facts(operation: MethodOperation) -> MethodFacts:
    """The facts of a method."""
    method = operation.method
    found = traits(operation)
    parameters = (*method.of_role(Role.PER_MODEL), *method.of_role(Role.COMPANION))
    ranges = {p.key: str(p.range) for p in method.parameters}
    return MethodFacts(
        models=takes(method),
        needs=needs_of(method),
        bytes_=_BYTES[found.reproducibility.value] if found else "",
        memory=_HOLDS[found.holds] if found else "",
        sweeps=_sweeps(found) if found else "",
        keys=[_with_range(row, ranges.get(row.name, "")) for row in key_rows(operation)],
        per_model=[_with_range(_row(p), str(p.range)) for p in parameters],
        example=example_text(method.name, method.example) if method.example else "",
        origin=method.plugin.name if method.plugin is not None else "mergec",
    )


def class_of(operation: MethodOperation) -> str:
    """How far the bytes are promised, and whether whole rows or tensors are held, in a word or two."""
    found = traits(operation)
    if found is None:
        return ""
    bytes_ = found.reproducibility.value
    return bytes_ if found.holds is Holds.TILES else f"{bytes_} {found.holds.value}"


def takes(method: Method) -> str:
    """The models that a method takes, by their keys."""
    named = [p.key if p.default is REQUIRED else f"[{p.key}]" for p in method.of_role(Role.MODEL)]
    if method.listed is not None:
        least, most = method.needs_inputs, method.most_inputs
        count = f"{least}+" if most is None else f"{least}" if least == most else f"{least}-{most}"
        named.append(f"{count} {method.listed.key}")
    return ", ".join(named)


def needs_of(method: Method) -> str:
    """What the models of a method must be, where it matters."""
    return {None: "", "weights": "weights", "delta": "deltas"}[method.needs]


def method_document(operation: MethodOperation) -> dict[str, Any]:
    """The facts for machines."""
    method, found = operation.method, traits(operation)
    example = method.example
    return {
        "name": method.name,
        "summary": method.summary,
        "documentation": method.documentation,
        "formula": method.formula,
        "reference": method.reference,
        "origin": method.plugin.name if method.plugin is not None else "mergec",
        "models": takes(method),
        "needs": method.needs,
        "gives": method.gives,
        "reproducibility": found.reproducibility.value if found else None,
        "holds": found.holds.value if found else None,
        "sweeps": [*found.reductions, *found.surveys] if found else None,
        "parameters": [_parameter_document(p) for p in method.parameters if p.role not in _NOT_GIVEN],
        "keys": [row.name for row in key_rows(operation)],
        "example": None
        if example is None
        else {
            "tensors": dict(example.tensors),
            "keys": dict(example.keys),
            "result": example.result,
            "deltas": list(example.deltas),
        },
    }


def _parameter_document(parameter: Parameter) -> dict[str, Any]:
    is_required = parameter.default is REQUIRED
    return {
        "key": parameter.key,
        "role": parameter.role.value,
        "is_required": is_required,
        "default": None if is_required else parameter.default,
        "range": str(parameter.range) or None,
        "meaning": parameter.description,
    }


def example_text(name: str, example: Example) -> str:
    """A model of a recipe; before and after it, as comments, what it is made of and what comes out."""
    model = yaml_text({_MODEL: {"op": name, **example.keys}}).splitlines()
    before = [line for key, values in example.tensors.items() for line in _values(key, values)]
    return "\n".join([*before, *model, *_values(_MODEL, example.result)])


def _values(model: str, values: NamedValues) -> list[str]:
    tensors = tensors_of(values)
    if len(tensors) == 1:
        return [f"# {model} = {flow(one)}" for one in tensors.values()]
    return [f"# {model}: {name} = {flow(one)}" for name, one in tensors.items()]


def _with_range(row: KeyRow, allowed: str) -> KeyRow:
    return row._replace(kind=f"{row.kind}, {allowed}") if allowed else row


def _row(parameter: Parameter) -> KeyRow:
    kind = "schedule" if parameter.role is Role.PER_MODEL else "name of a model"
    default = "required" if parameter.default is REQUIRED else f"default {parameter.default}"
    return KeyRow(parameter.key, kind, default, parameter.description)


def _sweeps(found: Traits) -> str:
    told = []
    if found.surveys:
        told.append(f"all tensors before the first is computed ({', '.join(found.surveys)})")
    if found.reductions:
        told.append(f"each tensor before it is computed ({', '.join(found.reductions)})")
    return " and ".join(told)
