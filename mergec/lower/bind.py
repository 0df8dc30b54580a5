"""Models bound to their operations and put in order, before any source is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import Label, MergecError, did_you_mean
from mergec.lower.side_file_givers import side_file_givers
from mergec.recipe.arithmetic import Arithmetic, names
from mergec.recipe.load import ArithmeticSpec, ModelSpec, OperationSpec
from mergec.recipe.validation import validate
from mergec.steps.errors import CyclicModels, UnknownModel, UnknownOperation, UnusedModel, UnusedSource
from mergec.steps.operation import ModelUse, Operation
from mergec.steps.registry import find_step, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report, Span
    from mergec.methods.known_methods import KnownMethods
    from mergec.methods.plugin import Plugin
    from mergec.recipe.load import Recipe
    from mergec.recipe.place import TreePlace
    from mergec.recipe.recipe_model import Strict


@dataclass(frozen=True, slots=True)
class BoundOperation:
    """A model made by an operation, its keys validated."""

    name: str
    operation: Operation
    keys: Strict
    place: TreePlace
    uses: tuple[ModelUse, ...]


@dataclass(frozen=True, slots=True)
class BoundArithmetic:
    """A model written as arithmetic."""

    name: str
    expression: Arithmetic
    place: TreePlace
    uses: tuple[ModelUse, ...]


BoundModel = BoundOperation | BoundArithmetic


@dataclass(frozen=True, slots=True)
class BoundRecipe:
    """The models that the output needs, inputs first, and the sources in order of first use."""

    recipe: Recipe
    models: tuple[BoundModel, ...]
    sources: tuple[str, ...]
    plugins: tuple[Plugin, ...] = ()


def operations(known: KnownMethods | None = None) -> dict[str, Operation]:
    """Every operation of the language by name; with those of plugins and packages where `known` has them."""
    from mergec.methods.blockwise import Blockwise
    from mergec.methods.core_space import CoreSpace
    from mergec.methods.known_methods import KnownMethods
    from mergec.methods.registry import methods

    known = known or KnownMethods()
    others: tuple[Operation, ...] = (Blockwise(known), CoreSpace())
    found = {**steps(), **methods(), **known.own, **{one.name: one for one in others}}
    return dict(sorted(found.items()))


def find_operation(name: str, span: Span, known: KnownMethods) -> Operation | None:
    """The operation of this name. Only what it needs is imported: start-up time counts.

    Raises:
        MergecError: MC0382 for an installed package that fails.
    """
    step = find_step(name)
    if step is not None:
        return step
    from mergec.methods.known_methods import BLOCKWISE, CORE_SPACE

    if name == CORE_SPACE:
        from mergec.methods.core_space import CoreSpace

        return CoreSpace()
    if name == BLOCKWISE:
        from mergec.methods.blockwise import Blockwise

        return Blockwise(known)
    return known.find(name, span)


def bind(recipe: Recipe, report: Report) -> BoundRecipe:
    """Find every model's operation, validate its keys, and order the models.

    Raises:
        MergecError: MC0110 to MC0112 for keys, MC0301 to MC0303.
    """
    from mergec.methods.known_methods import known_methods

    bound: dict[str, BoundModel] = {}
    known = known_methods(recipe, report)
    report.stop_on_error()  # without its methods, a recipe is full of unknown operations
    for name, spec in recipe.models.items():
        model = _bind_model(spec, known, report)
        if model is not None:
            bound[name] = model
            for use in model.uses:
                _check_name(use, recipe, report)
    output = recipe.place.child("output")
    _check_name(ModelUse(recipe.output.model, output.child("model").span()), recipe, report)
    givers = side_file_givers(recipe, report)
    report.stop_on_error()
    order, sources = _order(recipe, bound, report)
    sources.extend(name for name in givers if name not in sources)
    report.stop_on_error()
    _warn_of_unused(recipe, order, sources, report)
    return BoundRecipe(recipe, tuple(order), tuple(sources), known.used)


def _bind_model(spec: ModelSpec, known: KnownMethods, report: Report) -> BoundModel | None:
    if isinstance(spec, ArithmeticSpec):
        uses = tuple(ModelUse(name.name, name.span) for name in names(spec.expression))
        return BoundArithmetic(spec.name, spec.expression, spec.place, uses)
    span = spec.place.child("op").span()
    try:
        operation = find_operation(spec.operation, span, known)
    except MergecError as error:
        report.extend(error.diagnostics)
        return None
    if operation is None:
        help_ = did_you_mean(spec.operation, operations(known)) or "`mergec methods` lists all operations"
        report.add(UnknownOperation(span=span, operation=spec.operation, help=help_))
        return None
    return _bind_operation(spec, operation, report)


def _bind_operation(spec: OperationSpec, operation: Operation, report: Report) -> BoundOperation | None:
    where = f"the operation `{operation.name}`"
    keys = validate(operation.keys, dict(spec.keys), spec.place, where, report)
    if keys is None:
        return None
    operation.check_keys(keys, spec.place, report)
    uses = tuple(operation.inputs(keys, spec.place))
    return BoundOperation(spec.name, operation, keys, spec.place, uses)


def _check_name(use: ModelUse, recipe: Recipe, report: Report) -> None:
    if use.name not in recipe.sources and use.name not in recipe.models:
        known = [*recipe.sources, *recipe.models]
        help_ = did_you_mean(use.name, known) or f"known names: {', '.join(known)}"
        report.add(UnknownModel(span=use.span, name=use.name, help=help_))


def _order(
    recipe: Recipe, bound: Mapping[str, BoundModel], report: Report
) -> tuple[list[BoundModel], list[str]]:
    """Depth first from the output, so that sources come in the order in which a reader meets them."""
    order: list[BoundModel] = []
    sources: dict[str, None] = {}
    state: dict[str, bool] = {}  # True once finished, False while its inputs are visited
    stack: list[tuple[str, list[ModelUse]]] = []

    def enter(name: str) -> None:
        state[name] = False
        stack.append((name, list(reversed(bound[name].uses))))

    if recipe.output.model in recipe.sources:
        return [], [recipe.output.model]
    enter(recipe.output.model)
    while stack:
        name, left = stack[-1]
        if not left:
            state[name] = True
            order.append(bound[name])
            stack.pop()
            continue
        use = left.pop()
        if use.name in recipe.sources:
            sources.setdefault(use.name)
        elif use.name not in state:
            enter(use.name)
        elif not state[use.name]:
            path = [entered for entered, _ in stack]
            cycle = [*path[path.index(use.name) :], use.name]
            first = Label(recipe.place.child("models").key_span(use.name), f"`{use.name}` is defined here")
            report.add(CyclicModels(span=use.span, cycle=" -> ".join(cycle), others=(first,)))
    return order, list(sources)


def _warn_of_unused(recipe: Recipe, order: list[BoundModel], sources: list[str], report: Report) -> None:
    used = {model.name for model in order}
    for name in recipe.models:
        if name not in used:
            report.add(UnusedModel(span=recipe.place.child("models").key_span(name), name=name))
    for name in recipe.sources:
        if name not in sources:
            report.add(UnusedSource(span=recipe.place.child("sources").key_span(name), name=name))
