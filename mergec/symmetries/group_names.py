"""Whether a table's groups are spelt everywhere as on its tensors' axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean
from mergec.symmetries.errors import UnknownGroup
from mergec.symmetries.size_expression import names_in_size
from mergec.symmetries.table_entries import Layers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mergec.diagnostics import Report, Span
    from mergec.recipe.place import TreePlace
    from mergec.symmetries.table_entries import Entry, Table
    from mergec.symmetries.table_spec import TableSpec


def names_in(entry: Entry) -> Iterator[str]:
    """The names on the axes of an entry, as they are written: groups, and fixed factors that have a name."""
    if isinstance(entry, Layers):
        for inner in entry.entries:
            yield from names_in(inner)
        return
    for text in entry.axes:
        for axis in text.axes:
            for factor in (factor for segment in axis for factor in segment):
                yield from (parent.text for parent in factor.parents)
                if factor.name is not None and factor.name.text != "_":
                    yield factor.name.text


def check_names(spec: TableSpec, table: Table, place: TreePlace, report: Report) -> None:
    """Report MC0513 for names in `shared`, `equal`, `frozen` and `sizes` that are on no axis.

    A size may be there for others to use.
    """
    known = {name for entry in table.entries for name in names_in(entry)}
    lists = [(place.child("shared"), spec.shared)]
    for key, items in (("equal", spec.equal), ("frozen", spec.frozen)):
        lists += [(place.child(key).child(at).child("groups"), one.groups) for at, one in enumerate(items)]
    for here, names in lists:
        for index, name in enumerate(names):
            # A name that is filled in, such as `S{s-1}`, need not be written so anywhere else.
            if "{" not in name and name not in known:
                report.add(unknown_group(name, known, here.child(index).span()))
    used = {name for size in table.sizes.values() for name in names_in_size(size.expression)}
    for name in spec.sizes:
        is_filled = any("{" in one for one in (name, *known))
        if not is_filled and name not in known | used:
            report.add(unknown_group(name, known, place.child("sizes").key_span(name)))


def unknown_group(name: str, known: Collection[str], span: Span | None) -> UnknownGroup:
    """MC0513 for this name, with the nearest one that is known."""
    listed = ", ".join(f"`{one}`" for one in sorted(known))
    help_ = did_you_mean(name, known) or (f"the groups are {listed}" if listed else "it has no groups")
    return UnknownGroup(span=span, name=name, help=help_)
