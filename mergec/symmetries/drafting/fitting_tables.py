"""Which of mergec's own tables a checkpoint fits, and what each leaves over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import Report, Severity
from mergec.ir.natural_order import natural_key
from mergec.symmetries.chain import place_chain
from mergec.symmetries.errors import MissingConfigValue, UnknownSize
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape
from mergec.symmetries.size_expression import Name, Pair
from mergec.symmetries.table import built_in, built_in_names
from mergec.symmetries.table_match import match_table

if TYPE_CHECKING:
    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.size_expression import SizeExpression
    from mergec.symmetries.table_entries import Table

# A table that leaves more than this part of a model over belongs to another kind of model.
_MOST_LEFT = 0.3


class Fit(NamedTuple):
    """A table that fits a model but for the tensors in `left`, which it does not list.

    `lacking` are the sizes that nothing tells, so that the step must; without them there is no symmetry.
    """

    table: str
    left: tuple[str, ...]
    lacking: tuple[str, ...]
    symmetry: Symmetry | None

    @property
    def moved(self) -> int:
        """How many tensors have groups that may be permuted."""
        if self.symmetry is None:
            return 0
        free = {number for number, group in enumerate(self.symmetry.groups) if not group.is_frozen}
        moving = (one for one in self.symmetry.tensors if not free.isdisjoint(one.groups()))
        return sum(len(tensor.names) for tensor in moving)


def fitting_tables(model: ModelShape) -> list[Fit]:
    """The tables that fit, the best one first: the fewest tensors over, the fewest sizes to be given.

    One that says the same as a better one, as a table does that builds on it, is left out.
    """
    found = (_fit(name, model) for name in built_in_names())
    fits = [fit for fit in found if fit is not None]
    fits.sort(key=lambda fit: (len(fit.left), len(fit.lacking), -fit.moved, fit.table))
    return [
        fit
        for number, fit in enumerate(fits)
        if fit.symmetry is None or all(fit.symmetry != better.symmetry for better in fits[:number])
    ]


def _fit(name: str, model: ModelShape) -> Fit | None:
    table = built_in(name)
    left = _left(table, model)
    if not model.tensors or len(left) > _MOST_LEFT * len(model.tensors):
        return None
    listed = {one: shape for one, shape in model.tensors.items() if one not in left}
    report = Report()
    symmetry = instantiate(table, ModelShape(model.name, listed, model.config, model.same), report)
    over = tuple(sorted(left, key=natural_key))
    if symmetry is not None:
        return Fit(name, over, (), symmetry) if symmetry.tensors else None
    errors = [one for one in report.diagnostics if one.severity is Severity.ERROR]
    missing = {one.key for one in errors if isinstance(one, MissingConfigValue)}
    if not missing or not all(isinstance(one, MissingConfigValue | UnknownSize) for one in errors):
        return None
    sizes = table.sizes.items()
    return Fit(name, over, tuple(group for group, size in sizes if missing & _keys(size.expression)), None)


def _keys(size: SizeExpression) -> set[str]:
    """The names in a size."""
    if isinstance(size, Pair):
        return _keys(size.left) | _keys(size.right)
    return {size.text} if isinstance(size, Name) else set()


def _left(table: Table, model: ModelShape) -> set[str]:
    """The tensors that the table does not list."""
    matched = {one.name for one in match_table(table.entries, model.tensors, Report())}
    rest = {name: shape for name, shape in model.tensors.items() if name not in matched}
    return rest.keys() - place_chain(table.chain, rest, Report()).keys()
