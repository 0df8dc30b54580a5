"""Whatever a table says: it is read and applied, or its faults are told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Report, SourceText
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import read_yaml
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape
from mergec.symmetries.table import read_table
from tests.symmetries.reading import Made
from tests.symmetries.test_instantiate import assert_well_formed

if TYPE_CHECKING:
    from mergec.symmetries.table_entries import Table

PLACE = TreePlace(read_yaml(SourceText("recipe.yaml", "symmetry: {}")))
names = st.sampled_from(
    ["a", "b", "a.w", "b.w", "l.0.a", "l.1.a", "l.0.b", "l.1.b", "e.0.w", "e.1.w", "wte.weight"]
)
patterns = st.sampled_from(
    [
        "a",
        "b",
        "*.w",
        "**",
        "l.*",
        "l.{i:int}",
        "l.{i:int}.a",
        "e.{g:int}.w",
        "a, b",
        "l.*.b",
        "e.{g:int}",
        "(",
    ]
)
groups = st.sampled_from(["g", "h", "u", "S{i}", "S{i-1}", "T{top}", "_", "_d", "2"])
axes = st.one_of(
    groups,
    st.builds("{}[{}]".format, groups, groups),
    st.builds("({} {}[{}])".format, groups, groups, groups),
    st.builds("({} | {})".format, groups, groups),
)
texts = st.lists(axes, min_size=1, max_size=3).map(" ".join) | st.builds("{}!".format, groups)
values = texts | st.lists(texts, max_size=2) | st.integers(0, 9)
tensors = st.dictionaries(patterns, values | st.dictionaries(patterns, values, max_size=3), max_size=4)
conditions = st.fixed_dictionaries(
    {"groups": st.lists(groups, min_size=1, max_size=2)},
    optional={"for": patterns, "unless": patterns, "when": st.sampled_from(["n", "0", "n or 1"])},
)
tables = st.fixed_dictionaries(
    {"tensors": tensors},
    optional={
        "shared": st.lists(groups, max_size=2),
        "sizes": st.dictionaries(
            groups, st.sampled_from(["2", "n", "n / 2", "g", "1 -"]) | st.integers(0, 3)
        ),
        "chain": patterns,
        "fixed": st.lists(patterns, max_size=1),
        "equal": st.lists(conditions, max_size=1),
        "frozen": st.lists(conditions, max_size=1),
        "tied": st.lists(st.lists(names, min_size=1, max_size=2), max_size=1),
        "last": st.dictionaries(st.just("top"), patterns),
        "extends": st.sampled_from(["mlp", "llama", "none"]),
    },
)
shapes = st.dictionaries(names, st.lists(st.integers(0, 4), max_size=3).map(tuple), max_size=6)

# Tables that list each tensor once, with as many axes as it has, come further.
fitting = st.sampled_from(
    ["g", "h", "u", "_", "_d", "4", "(g q[g])", "(g q[g] _)", "(q[g] g)", "(g | h)", "q[g]"]
)
lengths = st.sampled_from([1, 2, 4, 4, 8])
listed = st.dictionaries(names, st.lists(st.tuples(fitting, lengths), min_size=1, max_size=3), min_size=1)
more = st.fixed_dictionaries(
    {},
    optional={
        "sizes": st.just({"g": 2}),
        "equal": st.just([{"groups": ["g", "h"]}]),
        "frozen": st.just([{"groups": ["u"]}]),
        "tied": st.lists(st.lists(names, min_size=2, max_size=2), max_size=2),
    },
)


@st.composite
def fitting_tables(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, tuple[int, ...]]]:
    drawn = draw(listed)
    axes = {name: " ".join(text for text, _ in entries) for name, entries in drawn.items()}
    model = {name: tuple(length for _, length in entries) for name, entries in drawn.items()}
    return {"tensors": axes, **draw(more)}, model


def read(value: dict[str, object]) -> tuple[Table | None, Report]:
    report = Report()
    return read_table(value, PLACE.child("symmetry"), Path(), report), report


@given(
    st.tuples(tables, shapes) | fitting_tables(),
    st.dictionaries(st.just("n"), st.integers(0, 4)),
    st.lists(groups, max_size=1),
)
def test_a_table_makes_a_symmetry_or_tells_why_not(
    both: tuple[dict[str, object], dict[str, tuple[int, ...]]], config: dict[str, object], freeze: list[str]
) -> None:
    value, model = both
    table, report = read(value)
    if table is None:
        assert report.has_errors()
        return
    symmetry = instantiate(table, ModelShape("m", model, config), report, freeze=freeze)
    assert (symmetry is None) == report.has_errors()
    if symmetry is not None:
        assert_well_formed(Made(symmetry, report.diagnostics))
        acted = {name for tensor in symmetry.tensors for name in tensor.names}
        assert acted <= model.keys()
