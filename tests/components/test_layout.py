"""The component table: whether its entries make sense."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mergec.components.layout import COMPONENTS, Layout, Place, begins, layouts, table


def test_layouts_have_names_of_their_own() -> None:
    twice = [key for key, count in Counter((one.name, one.form) for one in layouts()).items() if count > 1]
    assert twice == []


@pytest.mark.parametrize("layout", layouts(), ids=str)
def test_a_layout_is_consistent(layout: Layout) -> None:
    prefixes = [place.prefix for place in layout.places]
    assert len(set(prefixes)) == len(prefixes), "a prefix belongs to one component"
    assert all(prefix and not prefix.endswith(".") for prefix in prefixes)
    assert not any(segment.isdigit() for prefix in prefixes for segment in prefix.split(".")), (
        "see _beginnings"
    )
    assert not layout.needs or any(
        begins(one, need) or begins(need, one) for need in layout.needs for one in prefixes
    )
    assert len({new for _, new in layout.spelling}) == len(layout.spelling)


def test_the_table_has_no_key_that_nothing_reads() -> None:
    fields = {"name", "form", "model_types", "needs", "spelling", "config", "any_tower", *COMPONENTS}
    for entry in table()["layout"]:
        assert entry.keys() <= fields, entry["name"]
    for entry in table()["connector_end"]:
        assert entry.keys() <= {"inlet", "outlet", "factor", "otherwise", "tower"}
        for rule in entry.get("factor", ()):
            assert rule["rule"] in {"square", "inverse square", "count", "count and one"}


def test_a_place_takes_its_root_off_and_puts_it_on() -> None:
    whole = Place("connector", "", "multi_modal_projector")
    part = Place("language_model", "", "model", "layers")
    bare = Place("language_model", "", "", "transformer.h")
    for place, name, inner in [
        (whole, "multi_modal_projector.linear_1.weight", "linear_1.weight"),
        (part, "model.layers.0.w", "layers.0.w"),
        (bare, "transformer.h.0.w", "transformer.h.0.w"),
        (whole, "multi_modal_projector", ""),
    ]:
        assert place.holds(name)
        assert place.inner(name) == inner
        assert place.outer(inner) == name
    assert not part.holds("model.layers_2.w")


def test_spelling_goes_both_ways() -> None:
    (layout,) = (one for one in layouts() if (one.name, one.form) == ("llava", "original"))
    projector, newline = layout.places_of("connector")[:2]
    assert layout.shared_name(projector, "0.weight") == "linear_1.weight"
    assert layout.own_name(projector, "linear_2.bias") == "2.bias"
    assert layout.shared_name(projector, "4.weight") == "4.weight"
    assert layout.shared_name(newline, "0") == "0", "only the connector's main part is spelt anew"


def test_the_table_is_shipped_as_data() -> None:
    found: Any = table()
    assert len(found["layout"]) > 30
