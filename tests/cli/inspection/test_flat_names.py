from __future__ import annotations

import pytest

from mergec.cli.inspection.flat_names import grouped_flat


def patterns(*names: str) -> list[str]:
    return [group.pattern for group in grouped_flat(names, str, lambda _: None)]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["te_layers_0_mlp_fc1", "te_layers_1_mlp_fc1"], "te_layers_{0-1}_mlp_fc1"),
        (["unet_blocks_4_1_proj", "unet_blocks_5_1_proj"], "unet_blocks_{4-5}_1_proj"),
        (["to_out_0", "to_out_2"], "to_out_{0,2}"),
        (["block_3.w", "block_4.w"], "block_{3-4}.w"),
        (["layers.0.w", "layers.1.w"], "layers.{0-1}.w"),
        (["a_0_b.lora_up.weight", "a_1_b.lora_up.weight"], "a_{0-1}_b.lora_up.weight"),
    ],
)
def test_numbers_between_underscores_are_layers(names: list[str], pattern: str) -> None:
    assert patterns(*names) == [pattern]


def test_many_numbers_are_cut_as_elsewhere() -> None:
    assert patterns(*(f"a_{i}_b" for i in range(0, 40, 2))) == ["a_{0,2,4,6,...,38}_b"]


def test_numbers_inside_of_words_stay() -> None:
    assert patterns("te1_fc1", "te2_fc1") == ["te1_fc1", "te2_fc1"]


def test_a_name_that_could_not_be_put_together_again_stays_as_it_is() -> None:
    assert patterns("a_.0._b", "a_0_b", "x_.y_1_z", "x_.y_2_z") == [
        "a_.0._b",
        "a_0_b",
        "x_.y_1_z",
        "x_.y_2_z",
    ]


def test_members_are_those_of_the_pattern() -> None:
    items = [("a_0_x", 1), ("b", 1), ("a_1_x", 1), ("a_2_x", 2)]
    groups = grouped_flat(items, lambda item: item[0], lambda item: item[1])
    assert [(group.pattern, group.members) for group in groups] == [
        ("a_{0-1}_x", (0, 2)),
        ("b", (1,)),
        ("a_2_x", (3,)),
    ]
