from __future__ import annotations

import pytest

from mergec.symmetries.drafting.name_tree import Node, Run, name_tree


def test_layers_that_are_alike_stand_once() -> None:
    shapes = {f"m.layers.{i}.attn.q.weight": (4, 4) for i in range(3)} | {"m.norm.weight": (4,)}
    run = Run("m.layers", 3, Node({"attn.q.weight": (4, 4)}, []))
    assert name_tree(shapes) == Node({"m.norm.weight": (4,)}, [run])


def test_what_only_some_layers_have_is_there_too() -> None:
    shapes = {"layers.0.attn.bias": (8, 4), "layers.0.attn.q": (4, 4), "layers.1.attn.q": (4, 4)}
    assert name_tree(shapes).runs[0].inside.tensors == {"attn.bias": (8, 4), "attn.q": (4, 4)}


def test_runs_inside_runs() -> None:
    shapes = {f"layers.{i}.experts.{e}.up.weight": (6, 4) for i in range(2) for e in range(3)}
    (run,) = name_tree(shapes).runs
    assert run.inside == Node({}, [Run("experts", 3, Node({"up.weight": (6, 4)}, []))])


@pytest.mark.parametrize(
    "shapes",
    [
        {"layer1.0.conv.weight": (8, 4), "layer1.1.conv.weight": (8, 8)},
        {"net.0.weight": (8, 4), "net.2.weight": (8, 4)},
        {"scales.0": (4,), "scales.1": (4,)},
    ],
)
def test_what_is_not_alike_keeps_its_numbers(shapes: dict[str, tuple[int, ...]]) -> None:
    assert name_tree(shapes) == Node(shapes, [])
