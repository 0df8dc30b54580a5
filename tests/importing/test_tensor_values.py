from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Report, SourceText, Span
from mergec.importing.layer_list import LayerList, layer_list
from mergec.importing.mergekit_config import Choice, Setting
from mergec.importing.tensor_values import Layers, has_gradient, option, schedule
from mergec.recipe.pattern import Pattern

SPAN = Span(SourceText("x", "x"), 1, 1, 2)
NAMES = [
    "embed.weight",
    *(f"blocks.{n}.{rest}.weight" for n in range(3) for rest in ("attn", "mlp.up", "norm")),
    "blocks.0.extra.1.weight",
    "norm.weight",
]


def setting(*choices: tuple[str | None, object]) -> Setting:
    made = (Choice(part, tuple(v) if isinstance(v, list) else (v,), SPAN) for part, v in choices)  # type: ignore[arg-type]
    return Setting(tuple(made), SPAN)


def known() -> LayerList:
    found = layer_list(NAMES)
    assert found is not None
    return found


def test_a_list_of_layers_is_found_with_its_length() -> None:
    assert (known().path, known().count, known().is_known) == ("blocks", 3, True)
    assert known().outside == {"embed.weight", "norm.weight"}
    assert layer_list(NAMES, "blocks") == known()
    assert layer_list(NAMES, "layers") is None
    assert layer_list(["a", "b.c"]) is None
    assert layer_list(["0.weight", "1.weight"]) is None, "a list without a name"


@pytest.mark.parametrize(
    ("choices", "default", "value"),
    [
        ([], None, None),
        ([], 0.5, 0.5),
        ([(None, 2)], 0.5, 2),
        ([(None, [1, 1])], None, 1),
        ([(None, [1, 2])], None, {"**.[:].**": [1, 2], "**": 1}),
        ([("mlp", 1)], None, {"**mlp**": 1}),
        ([("mlp.up", 1), (None, 2), ("attn", 3)], 4, {"**mlp.up**": 1, "**": 2}),
        ([("mlp", 1), ("mlp", 2)], 3, {"**mlp**": 1, "**": 3}),
        ([("attn", [1, 2])], 0, {"**.[:].**attn**": [1, 2], "**": 0}),
        ([("norm", [1, 2])], 0, {"**.[:].**norm**": [1, 2], "**norm**": 1, "**": 0}),
        ([("embed", [1, 2])], 0, {"**embed**": 1, "**": 0}),
        ([("blocks", [1, 2])], 0, {"**.[:].**": [1, 2], "**": 0}),
        ([("absent", 1)], 0, 0),
        ([("up.", 1)], 0, {"re:up[.]": 1, "**": 0}),
    ],
)
def test_choices_become_patterns(
    choices: list[tuple[str | None, object]], default: float | None, value: object
) -> None:
    levels = [setting(*choices)] if choices else []
    assert schedule(levels, Layers(known()), default) == value


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(part=ANY_TEXT, is_gradient=st.booleans())
def test_any_text_is_found_in_the_names_that_hold_it(part: str, *, is_gradient: bool) -> None:
    values = schedule([setting((part, [1, 2] if is_gradient else 1))], Layers(LayerList()), 0)
    assert isinstance(values, dict)
    names = [f"model.layers.0.x{part}y.weight", "model.layers.0.other"]
    assert names[0] in Pattern.parse(next(iter(values))).bind(names)


def test_levels_follow_each_other_until_all_tensors_have_a_value() -> None:
    levels = [setting(("mlp", 1)), setting(("attn", 2), ("mlp", 3)), setting((None, 4)), setting((None, 5))]
    assert schedule(levels, Layers(known()), 6) == {"**mlp**": 1, "**attn**": 2, "**": 4}


def test_a_gradient_runs_over_the_layers_of_a_slice() -> None:
    found = schedule([setting((None, [1, 2]))], Layers(known(), (1, 3)), None)
    assert found == {"blocks.[1:3].**": [1, 2], "**": 1}
    assert has_gradient(found)


def test_a_single_layer_has_the_last_value_of_a_gradient() -> None:
    found = schedule([setting((None, [1, 2]))], Layers(known(), (1, 2)), None)
    assert found == {"blocks.[1:2].**": 2, "**": 1}
    assert not has_gradient(found)


def test_without_a_checkpoint_the_usual_names_tell_what_is_outside() -> None:
    layers = Layers(LayerList())
    choices = setting(("lm_head", [1, 2]), ("self_attn", [1, 2]), ("norm", [1, 2]), ("odd", [1, 2]))
    assert schedule([choices], layers, 0) == {
        "**lm_head**": 1,
        "**.[:].**self_attn**": [1, 2],
        "**.[:].**norm**": [1, 2],
        "**norm**": 1,
        "**.[:].**odd**": [1, 2],
        "**": 0,
    }


def test_an_option_is_the_same_for_all() -> None:
    report = Report()
    assert option([], "normalize", report) is None
    assert option([setting((None, True)), setting((None, False))], "normalize", report) is True
    assert not report.diagnostics
    assert option([setting(("mlp", True), (None, False))], "normalize", report) is False
    assert option([setting((None, [True, False]))], "rescale", report) is True
    assert [one.code for one in report.diagnostics] == ["MC0842", "MC0842"]
