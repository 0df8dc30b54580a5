from __future__ import annotations

import pytest

from tests.symmetries.reading import Shapes, complaint, made, marked

ANY = 'chain: "**.{i:int}"'


def test_linear_layers_with_activations_between_them() -> None:
    found = made(
        ANY,
        {
            "net.0.weight": (5, 3),
            "net.0.bias": (5,),
            "net.10.weight": (2, 4),
            "net.10.bias": (2,),
            "net.2.weight": (4, 5),
        },
    )
    assert found.groups == {"net.0/units": (5, None), "net.2/units": (4, None)}
    assert found.axes("net.0.weight") == ["net.0/units", "3"]
    assert found.axes("net.0.bias") == ["net.0/units"]
    assert found.axes("net.2.weight") == ["net.2/units", "net.0/units"]
    assert found.axes("net.10.weight") == ["2", "net.2/units"]


def test_modules_without_a_name_before_their_number() -> None:
    assert list(made(ANY, {"0.weight": (5, 3), "2.weight": (2, 5)}).groups) == ["0/units"]


def test_each_list_of_modules_is_a_chain() -> None:
    names = [f"{side}.{n}.weight" for side in ("coder", "head") for n in range(3)]
    found = made(ANY, dict.fromkeys(names, (4, 4)))
    assert list(found.groups) == ["coder.0/units", "coder.1/units", "head.0/units", "head.1/units"]
    assert found.axes("head.0.weight") == ["head.0/units", "4"]


def test_several_patterns_are_one_chain_and_flattening_keeps_places() -> None:
    shapes: Shapes = {
        "features.0.weight": (8, 3, 3, 3),
        "features.1.weight": (8,),
        "features.1.bias": (8,),
        "features.1.running_mean": (8,),
        "features.1.running_var": (8,),
        "features.1.num_batches_tracked": (),
        "features.3.weight": (6, 8, 3, 3),
        "features.3.bias": (6,),
        "classifier.0.weight": (10, 54),
        "classifier.0.bias": (10,),
        "classifier.3.weight": (2, 10),
    }
    found = made('chain: ["features.{i:int}", "classifier.{i:int}"]', shapes)
    assert found.groups == {
        "features.0/units": (8, None),
        "features.3/units": (6, None),
        "classifier.0/units": (10, None),
    }
    assert found.axes("features.0.weight") == ["features.0/units", "3", "3", "3"]
    assert found.axes("features.1.running_var") == ["features.0/units"]
    assert found.tensor("features.1.running_var").weight == 0
    assert found.tensor("features.1.weight").weight == 1
    assert found.axes("classifier.0.weight") == ["classifier.0/units", "features.3/units 9"]


def test_norms_act_on_the_units_before_them() -> None:
    found = made(
        ANY,
        {
            "0.weight": (3,),
            "0.bias": (3,),
            "1.weight": (5, 3),
            "2.weight": (5,),
            "2.bias": (5,),
            "3.weight": (1,),
            "4.running_mean": (5,),
            "4.running_var": (5,),
            "5.weight": (2, 5),
            "6.weight": (2,),
        },
    )
    assert found.symmetry is not None
    acting = {name for tensor in found.symmetry.tensors for name in tensor.names}
    assert acting == {"1.weight", "2.weight", "2.bias", "4.running_mean", "4.running_var", "5.weight"}


def test_depthwise_convolutions_keep_the_units() -> None:
    found = made(
        ANY, {"0.weight": (6, 1, 3, 3), "1.weight": (6, 1, 3, 3), "1.bias": (6,), "2.weight": (4, 6, 1, 1)}
    )
    assert found.axes("1.weight") == ["0/units", "1", "3", "3"]
    assert found.axes("1.bias") == ["0/units"]
    assert found.axes("2.weight") == ["4", "0/units", "1", "1"]


def test_tensors_written_out_come_before_the_chain() -> None:
    text = f"tensors: {{net.2.extra: u _, after.weight: _ u}}\n{ANY}"
    shapes: Shapes = {"net.0.weight": (5, 3), "net.2.weight": (2, 5), "net.2.extra": (3, 2)}
    found = made(text, shapes | {"after.weight": (2, 3)})
    assert list(found.groups) == ["net.2/u", "net.0/units"] or list(found.groups) == ["u", "net.0/units"]
    assert complaint(ANY, {**shapes}).code == "MC0508"


def test_a_group_of_a_chain_is_frozen_by_its_module() -> None:
    shapes: Shapes = {"0.weight": (5, 3), "1.weight": (5, 5), "2.weight": (2, 5)}
    assert list(made(ANY, shapes, freeze=["1/units"]).groups) == ["0/units"]
    assert list(made(ANY, shapes, freeze=["units"]).groups) == []


@pytest.mark.parametrize(
    ("shapes", "module", "problem"),
    [
        (
            {"0.weight": (5, 3), "1.weight": (2, 6)},
            "1",
            "it takes 6 inputs, and the layer before gives 5",
        ),
        (
            {"0.weight": (5, 3), "1.weight": (4,), "2.weight": (2, 5)},
            "1",
            "its `weight` has length 4, and the layer before gives 5",
        ),
        (
            {"0.weight": (8, 3, 3, 3), "1.weight": (8,), "1.bias": (8,), "2.weight": (2, 8, 1, 1)},
            "1",
            "it may be a GroupNorm, whose groups its tensors do not tell",
        ),
    ],
)
def test_what_does_not_follow(shapes: Shapes, module: str, problem: str) -> None:
    one = complaint(ANY, shapes)
    assert one.code == "MC0511"
    assert one.message == f"the chain breaks at `{module}`: {problem}"
    assert marked(one) == '"**.{i:int}"'


def test_a_chain_of_ones_own_must_match() -> None:
    assert complaint('chain: "net.{i:int}"\nfixed: [a]', {"a": (3, 3)}).code == "MC0125"
