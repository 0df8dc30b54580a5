from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Diagnostic, MergecError, Report, SourceText
from mergec.ir.dtype import DType
from mergec.recipe.dtype_schedule import DTypeSchedule
from mergec.recipe.place import TreePlace
from mergec.recipe.schedule import NoPlace, Schedule
from mergec.recipe.yaml_tree import plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS = 8
NAMES = [
    "model.embed_tokens.weight",
    *(
        f"model.layers.{layer}.{part}.weight"
        for layer in range(LAYERS)
        for part in ("attn.q", "mlp.up", "norm")
    ),
    "model.norm.weight",
    "lm_head.weight",
]


def values(value: Any, names: Sequence[str] = NAMES, report: Report | None = None) -> dict[str, float]:
    return Schedule.parse(value, NoPlace()).resolve(names, report)


def errors(value: Any, names: Sequence[str] = NAMES) -> tuple[Diagnostic, ...]:
    with pytest.raises(MergecError) as caught:
        values(value, names)
    return caught.value.diagnostics


def test_a_number_holds_for_every_tensor() -> None:
    assert values(0.5) == dict.fromkeys(NAMES, 0.5)
    assert values(1)["lm_head.weight"] == 1.0
    assert Schedule.parse(2, NoPlace()).constant == 2.0
    assert values(0.5, []) == {}


def test_rest_is_read_but_has_no_values_of_its_own() -> None:
    schedule = Schedule.parse("rest", NoPlace())
    assert schedule.is_rest
    assert schedule.constant is None
    with pytest.raises(ValueError, match="rest"):
        schedule.resolve(NAMES)


def test_the_first_pattern_that_matches_wins() -> None:
    found = values({"model.layers.[0:4].**": 0.9, "**.mlp.**": 0.4, "**": 0.5})
    assert found["model.layers.3.mlp.up.weight"] == 0.9
    assert found["model.layers.4.mlp.up.weight"] == 0.4
    assert found["model.layers.4.attn.q.weight"] == 0.5
    assert list(found) == NAMES


def test_a_gradient_runs_over_the_layers_that_its_pattern_matches() -> None:
    found = values({"model.layers.[2:6].**": [0.0, 3.0], "**": 9})
    assert [found[f"model.layers.{i}.norm.weight"] for i in range(LAYERS)] == [9, 9, 0.0, 1.0, 2.0, 3.0, 9, 9]


def test_a_gradient_does_not_depend_on_what_earlier_entries_take() -> None:
    found = values({"model.layers.[0:2].**": 5, "model.layers.[:].**": [0.0, 7.0], "**": 9})
    assert found["model.layers.2.norm.weight"] == 2.0


def test_several_anchors_stand_at_even_distances() -> None:
    found = values([0, 1, 0], [f"l.{i}" for i in range(5)])
    assert list(found.values()) == [0.0, 0.5, 1.0, 0.5, 0.0]


def test_one_anchor_is_constant_and_one_layer_takes_the_first() -> None:
    assert set(values([0.3], ["l.0", "l.5"]).values()) == {0.3}
    assert values([0.3, 0.9], ["l.4"]) == {"l.4": 0.3}


def test_each_list_of_layers_has_its_own_gradient() -> None:
    names = ["enc.0.w", "enc.4.w", "dec.0.w", "dec.1.w", "dec.2.w"]
    assert list(values([0, 1], names).values()) == [0, 1, 0, 0.5, 1]


def test_a_gradient_runs_over_the_index_that_the_pattern_names() -> None:
    names = [f"l.{layer}.experts.{expert}.w" for layer in range(2) for expert in range(3)]
    found = values({"l.*.experts.[:].w": [0, 1]}, names)
    assert [found[f"l.1.experts.{expert}.w"] for expert in range(3)] == [0, 0.5, 1]
    captured = values({"l.{layer}.experts.{e:int}.w": [0, 1]}, names)
    assert captured == found


def test_tensors_without_a_layer_fall_through_a_gradient() -> None:
    found = values({"model.**": [0, 7], "**": 0.5})
    assert found["model.norm.weight"] == 0.5
    assert found["model.layers.7.norm.weight"] == 7


@given(
    st.lists(st.floats(-10, 10), min_size=1, max_size=6),
    st.sets(st.integers(0, 200), min_size=2, max_size=40),
)
def test_gradients_hit_the_first_and_last_anchor_and_stay_between(
    anchors: list[float], layers: set[int]
) -> None:
    found = values(anchors, [f"l.{i}" for i in layers])
    assert found[f"l.{min(layers)}"] == anchors[0]
    assert found[f"l.{max(layers)}"] == anchors[-1]
    slack = 1e-12 * max(map(abs, anchors))
    assert all(min(anchors) - slack <= value <= max(anchors) + slack for value in found.values())


@given(st.integers(2, 6), st.integers(1, 30))
def test_anchors_on_layers_are_hit_exactly(count: int, between: int) -> None:
    anchors = [0.1 * number for number in range(count)]
    found = values(anchors, [f"l.{i}" for i in range((count - 1) * between + 1)])
    assert [found[f"l.{number * between}"] for number in range(count)] == anchors


patterns = st.sampled_from(
    ["**", "model.**", "**.mlp.**", "model.layers.[0:3].**", "**norm.weight", "lm_head.*"]
)


@given(st.lists(st.tuples(patterns, st.floats(0, 1)), min_size=1, max_size=5, unique_by=lambda item: item[0]))
def test_the_first_match_decides_whatever_follows(entries: list[tuple[str, float]]) -> None:
    found = values({**dict(entries), "re:.": 2.0})
    alone = {pattern: set(values({pattern: 1.0, "re:.": 0.0}).items()) for pattern, _ in entries}
    for name, value in found.items():
        first = next((number for pattern, number in entries if (name, 1.0) in alone[pattern]), 2.0)
        assert value == first


def test_all_patterns_that_match_nothing_are_reported_at_once() -> None:
    found = errors({"model.layer.**": 1, "**.mpl.**": 2})
    assert [d.code for d in found] == ["MC0125", "MC0125"]
    told = ["did you mean `layers` instead of `layer`?", "did you mean `mlp` instead of `mpl`?"]
    assert [d.help for d in found] == told


def test_a_tensor_that_no_pattern_matches_is_named() -> None:
    (found,) = errors({"model.layers.**": 0.5})
    assert found.code == "MC0127"
    assert "`model.embed_tokens.weight`, nor 2 more" in found.message
    assert '"**": VALUE' in (found.help or "")


def test_a_bare_gradient_says_how_to_cover_the_embeddings() -> None:
    (found,) = errors([0, 1])
    assert found.code == "MC0127"
    assert '"**.[:].**"' in (found.help or "")
    assert values({"**.[:].**": [0, 1], "**": 0.5})["lm_head.weight"] == 0.5


def test_a_gradient_entry_needs_layers() -> None:
    (found,) = errors({"lm_head.*": [0, 1], "**": 0})
    assert found.code == "MC0134"


def test_an_entry_that_never_is_the_first_is_a_warning() -> None:
    report = Report()
    values({"**": 0.5, "lm_head.*": 1}, report=report)
    assert [d.code for d in report.diagnostics] == ["MC0128"]
    assert "`lm_head.*`" in report.diagnostics[0].message


@pytest.mark.parametrize(
    ("value", "message", "help_"),
    [
        ("1:30", "the text `1:30` is not a number", "YAML 1.2"),
        ("no", "the text `no` is not a number", "YAML 1.2"),
        ("0.5", "the text `0.5` is not a number", "remove the quotes"),
        (True, "`true` is not a number", "1 or 0"),
        (None, "nothing is not a number", "0.5"),
        (math.nan, "`nan` is not a finite number", "finite"),
        (-math.inf, "`-inf` is not a finite number", "finite"),
        (10**4000, "an integer of very many digits is not a finite number", "finite"),
        ([], "an empty list is not a gradient", "at least one"),
        ([0, "x"], "the text `x` is not a number", "YAML 1.2"),
        ([[0]], "a list is not a number", "0.5"),
        ({"**": {"a": 1}}, "a mapping is not a number", "0.5"),
        ({"**": "rest"}, "the text `rest` is not a number", "stands alone"),
    ],
)
def test_values_that_are_no_numbers(value: Any, message: str, help_: str) -> None:
    (found,) = errors(value)
    assert found.code == "MC0126"
    assert found.message == message
    assert help_ in (found.help or "")


def test_all_mistakes_of_a_mapping_are_reported_at_once() -> None:
    assert [d.code for d in errors({"a[": 1, "b": "x", "(": [True]})] == [
        "MC0120",
        "MC0126",
        "MC0126",
        "MC0120",
    ]
    assert [d.code for d in errors({})] == ["MC0126"]


def test_errors_point_at_the_place_in_the_recipe() -> None:
    text = '"model.**": 0.5\n"l.[0:8:0]": 1\nx: [1, no]\n'
    tree = read_yaml(SourceText("r.yaml", text))
    with pytest.raises(MergecError) as caught:
        Schedule.parse(plain(tree), TreePlace(tree))
    assert [str(d.span) for d in caught.value.diagnostics] == ["r.yaml:2:4", "r.yaml:3:8"]


json_like = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(json_like | st.dictionaries(st.sampled_from(["blocks", "values", "default"]), json_like))
def test_any_value_is_a_schedule_or_diagnostics(value: Any) -> None:
    for parse in (Schedule.parse, DTypeSchedule.parse):
        try:
            parse(value, NoPlace())
        except MergecError as error:
            found = error.diagnostics
        else:
            found = ()
        assert all(d.message for d in found)


def test_dtypes_by_pattern() -> None:
    schedule = DTypeSchedule.parse({"**norm.weight": "float32", "model.**": "bfloat16"}, NoPlace())
    found = schedule.resolve(NAMES)
    assert found["model.norm.weight"] is DType.F32
    assert found["model.layers.0.mlp.up.weight"] is DType.BF16
    assert found["lm_head.weight"] is None
    assert list(found) == NAMES
    assert set(DTypeSchedule.parse("float16", NoPlace()).resolve(NAMES).values()) == {DType.F16}


@pytest.mark.parametrize(
    ("value", "code", "help_"),
    [
        ("fp16", "MC0129", "`float16`"),
        ("half", "MC0129", "`float16`"),
        ("F16", "MC0129", "`float16`"),
        ("BF16", "MC0129", "`bfloat16`"),
        ("bf16", "MC0129", "`bfloat16`"),
        ("torch.bfloat16", "MC0129", "`bfloat16`"),
        ("bfloat", "MC0129", "`bfloat16`"),
        ("zzz", "MC0129", "for example"),
        (16, "MC0126", "bfloat16"),
        ({}, "MC0126", "mapping of patterns"),
        ({"**": None}, "MC0126", "bfloat16"),
        ({"a(": "float32"}, "MC0120", r"\("),
    ],
)
def test_dtypes_that_are_none(value: Any, code: str, help_: str) -> None:
    with pytest.raises(MergecError) as caught:
        DTypeSchedule.parse(value, NoPlace())
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert help_ in (found.help or "")


def test_dtype_patterns_that_match_nothing_and_shadowed_ones() -> None:
    with pytest.raises(MergecError) as caught:
        DTypeSchedule.parse({"a": "float32", "b": "float32", "**": "float16"}, NoPlace()).resolve(NAMES)
    assert [d.code for d in caught.value.diagnostics] == ["MC0125", "MC0125"]
    report = Report()
    DTypeSchedule.parse({"**": "float32", "lm_head.*": "float16"}, NoPlace()).resolve(NAMES, report)
    assert [d.code for d in report.diagnostics] == ["MC0128"]


def test_many_entries_over_a_large_checkpoint_stay_fast() -> None:
    names = [f"model.layers.{i}.experts.{j}.weight" for i in range(60) for j in range(500)]
    start = time.monotonic()
    values({**dict.fromkeys(names[:2000], 1.0), "**": [0, 1]}, names)
    assert time.monotonic() - start < 10
