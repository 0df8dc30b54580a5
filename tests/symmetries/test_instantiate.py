from __future__ import annotations

import random
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.symmetries.reading import Made, Shapes, complaint, made, marked

sizes = st.integers(1, 5)


LLAMA = """
    shared: [res]
    sizes: {kv: num_key_value_heads, q: num_attention_heads / kv}
    tensors:
      "model.embed_tokens.weight, lm_head.weight": _ res
      "model.norm.weight": res
      "model.layers.*":
        "input_layernorm.weight": res
        "self_attn.q_proj.weight": (kv q[kv] _) res
        "self_attn.k_proj.weight": (kv _) res
        "self_attn.v_proj.weight": (kv v[kv]) res
        "self_attn.o_proj.weight": res (kv q[kv] v[kv])
        "mlp.(gate|up)_proj.weight": ffn res
        "mlp.down_proj.weight": res ffn
"""
HEADS = {"num_attention_heads": 8, "num_key_value_heads": 2}


def llama(layers: int) -> Shapes:
    tensors: Shapes = {
        "lm_head.weight": (100, 32),
        "model.embed_tokens.weight": (100, 32),
        "model.norm.weight": (32,),
    }
    for layer in range(layers):
        below: Shapes = {
            "input_layernorm.weight": (32,),
            "self_attn.q_proj.weight": (32, 32),
            "self_attn.k_proj.weight": (8, 32),
            "self_attn.v_proj.weight": (8, 32),
            "self_attn.o_proj.weight": (32, 32),
            "mlp.gate_proj.weight": (48, 32),
            "mlp.up_proj.weight": (48, 32),
            "mlp.down_proj.weight": (32, 48),
        }
        tensors |= {f"model.layers.{layer}.{name}": shape for name, shape in below.items()}
    return tensors


def test_groups_of_a_model_and_of_its_layers() -> None:
    found = made(LLAMA, llama(2), config=HEADS)
    assert found.groups == {
        "res": (32, None),
        "model.layers.0/kv": (2, None),
        "model.layers.0/q": (4, "model.layers.0/kv"),
        "model.layers.0/v": (4, "model.layers.0/kv"),
        "model.layers.0/ffn": (48, None),
        "model.layers.1/kv": (2, None),
        "model.layers.1/q": (4, "model.layers.1/kv"),
        "model.layers.1/v": (4, "model.layers.1/kv"),
        "model.layers.1/ffn": (48, None),
    }
    assert found.axes("model.layers.1.self_attn.q_proj.weight") == [
        "model.layers.1/kv model.layers.1/q 4",
        "res",
    ]
    assert found.axes("lm_head.weight") == ["100", "res"]
    assert found.said == ()


@given(kv=sizes, q=sizes, width=sizes, v=sizes, ffn=sizes, res=sizes, layers=st.integers(1, 3))
def test_sizes_of_a_model_are_found(
    kv: int, q: int, width: int, v: int, ffn: int, res: int, layers: int
) -> None:
    below: Shapes = {
        "input_layernorm.weight": (res,),
        "self_attn.q_proj.weight": (kv * q * width, res),
        "self_attn.k_proj.weight": (kv * width, res),
        "self_attn.v_proj.weight": (kv * v, res),
        "self_attn.o_proj.weight": (res, kv * q * v),
        "mlp.gate_proj.weight": (ffn, res),
        "mlp.up_proj.weight": (ffn, res),
        "mlp.down_proj.weight": (res, ffn),
    }
    tensors = {f"model.layers.{n}.{name}": shape for n in range(layers) for name, shape in below.items()}
    tensors |= {"model.norm.weight": (res,), "lm_head.weight": (7, res)}
    tensors |= {"model.embed_tokens.weight": (7, res)}
    config = {"num_attention_heads": kv * q, "num_key_value_heads": kv}
    found = made(LLAMA, tensors, config=config)
    expected: dict[str, tuple[int, str | None]] = {"res": (res, None)}
    for layer in (f"model.layers.{n}" for n in range(layers)):
        expected |= {f"{layer}/kv": (kv, None), f"{layer}/ffn": (ffn, None)}
        expected |= {f"{layer}/q": (q, f"{layer}/kv"), f"{layer}/v": (v, f"{layer}/kv")}
    assert found.groups == expected
    assert_well_formed(found)


def assert_well_formed(found: Made) -> None:
    """What the types of symmetries promise."""
    symmetry = found.symmetry
    assert symmetry is not None
    for number, group in enumerate(symmetry.groups):
        assert group.parent is None or group.parent < number
    for tensor in symmetry.tensors:
        assert list(tensor.groups())
        for axis, length in zip(tensor.axes, tensor.shape, strict=True):
            assert sum(prod(size for size, _ in segment) for segment in axis) == length
            for size, group_number in (factor for segment in axis for factor in segment):
                assert group_number is None or symmetry.groups[group_number].size == size


def test_parents_stand_before_their_families() -> None:
    text = """
        tensors:
          o.weight: a (x y[x] z[x y])
          v.weight: (x y[x] z[x y]) b
          "(i|o).bias": a
          i.weight: a _
          e.weight: _ b
    """
    shapes: Shapes = {
        "o.weight": (3, 24),
        "v.weight": (24, 5),
        "i.bias": (3,),
        "o.bias": (3,),
        "i.weight": (3, 7),
        "e.weight": (7, 5),
    }
    found = made(text, shapes, sizes={"x": 2, "y": 3})
    assert found.groups == {
        "a": (3, None),
        "x": (2, None),
        "y": (3, "x"),
        "z": (4, "y"),
        "b": (5, None),
    }
    assert found.symmetry is not None
    assert found.symmetry.members(found.symmetry.groups.index(("z", 4, 2, False))) == 6


def test_order_of_tensors_in_a_file_means_nothing() -> None:
    shapes = llama(11)
    expected = made(LLAMA, shapes, config=HEADS).symmetry
    for seed in range(5):
        names = list(shapes)
        random.Random(seed).shuffle(names)  # noqa: S311  # no secret
        assert made(LLAMA, {name: shapes[name] for name in names}, config=HEADS).symmetry == expected
    assert expected is not None
    layers = [tensor.names[0] for tensor in expected.tensors if "down_proj" in tensor.names[0]]
    assert layers == [f"model.layers.{layer}.mlp.down_proj.weight" for layer in range(11)]


def test_tensors_that_nothing_acts_on_are_left_out() -> None:
    found = made(
        """
        tensors: {a.weight: u _, b.weight: _ u, b.bias: _, step: ""}
        """.replace('step: ""', '"b.extra": 4'),
        {"a.weight": (3, 2), "b.weight": (2, 3), "b.bias": (2,), "b.extra": (4,)},
    )
    assert found.symmetry is not None
    assert [tensor.names for tensor in found.symmetry.tensors] == [("a.weight",), ("b.weight",)]


def test_what_is_not_matched_has_no_weight() -> None:
    found = made(
        'tensors: {a.weight: u _, "a.running_(mean|var)": u!, b.weight: _ u}',
        {"a.weight": (3, 2), "a.running_mean": (3,), "a.running_var": (3,), "b.weight": (2, 3)},
    )
    assert found.tensor("a.running_var").weight == 0
    assert found.tensor("a.weight").weight == 1


def test_the_first_entry_that_matches_counts() -> None:
    found = made(
        """
        tensors:
          "layers.0.a.weight": u _
          "layers.{i:int}":
            "a.weight": u v
            "b.weight": v u
          head.weight: _ v
        shared: [u, v]
        """,
        {
            "layers.0.a.weight": (3, 2),
            "layers.0.b.weight": (5, 3),
            "layers.1.a.weight": (3, 5),
            "layers.1.b.weight": (5, 3),
            "head.weight": (4, 5),
        },
    )
    assert found.axes("layers.0.a.weight") == ["u", "2"]
    assert found.axes("layers.1.a.weight") == ["u", "v"]


def test_layers_may_hold_layers() -> None:
    found = made(
        """
        tensors:
          "(encoder|decoder)":
            "layers.{i:int}":
              "a.weight": u _
              "b.weight": _ u
        """,
        {
            f"{side}.layers.{layer}.{name}": shape
            for side in ("encoder", "decoder")
            for layer in range(2)
            for name, shape in (("a.weight", (3, 2)), ("b.weight", (2, 3)))
        },
    )
    assert list(found.groups) == [
        "decoder.layers.0/u",
        "decoder.layers.1/u",
        "encoder.layers.0/u",
        "encoder.layers.1/u",
    ]


def test_a_range_of_layers_counts_from_the_end_of_them() -> None:
    found = made(
        """
        tensors:
          "l.[-1:]": {a.weight: u _, b.weight: _ u}
          "l.*": {a.weight: _ _, b.weight: _ _}
        """,
        {f"l.{layer}.{name}.weight": (3, 3) for layer in range(12) for name in "ab"},
    )
    assert list(found.groups) == ["l.11/u"]


def test_groups_with_an_index_belong_to_the_model() -> None:
    found = made(
        """
        last: {top: "stage{top:int}.**"}
        tensors:
          stem.weight: S0 _
          "stage{s:int}.*":
            down.weight: S{s} S{s-1}
            up.weight: S{s} inner
            in.weight: inner S{s}
          head.weight: _ S{top}
        """,
        {
            "stem.weight": (4, 3),
            "stage1.0.down.weight": (5, 4),
            "stage1.1.in.weight": (7, 5),
            "stage1.1.up.weight": (5, 7),
            "stage2.0.down.weight": (6, 5),
            "head.weight": (2, 6),
        },
    )
    assert found.groups == {
        "S0": (4, None),
        "S1": (5, None),
        "stage1.1/inner": (7, None),
        "S2": (6, None),
    }
    assert found.axes("head.weight") == ["2", "S2"]


def test_the_first_axes_that_fit_are_taken() -> None:
    text = """
        sizes: {h: 2, _hd: 4}
        tensors:
          q.weight: (h _hd) res
          q_norm.weight: ["(h _hd)", _hd]
          o.weight: [res (h _hd), "res (h _hd) _ _"]
          "(e|d).weight": _ res
    """
    shapes: Shapes = {"q.weight": (8, 5), "o.weight": (5, 8), "e.weight": (3, 5), "d.weight": (3, 5)}
    assert made(text, shapes | {"q_norm.weight": (8,)}).axes("q_norm.weight") == ["h 4"]
    shared = made(text, shapes | {"q_norm.weight": (4,), "o.weight": (5, 8, 1, 1)})
    assert shared.symmetry is not None
    assert "q_norm.weight" not in {name for tensor in shared.symmetry.tensors for name in tensor.names}
    assert shared.axes("o.weight") == ["res", "h 4", "1", "1"]
    wrong = complaint(text, shapes | {"q_norm.weight": (6,)})
    assert wrong.code == "MC0514"
    assert wrong.message == "axis 0 of `q_norm.weight` has 6 indices, which do not fit `(h _hd)`: they make 8"


EXPERTS = """
    tensors:
      "layers.*":
        "router.weight": e res
        "experts.{e:int}.(w1|w3).weight": ffn[e] res
        "experts.{e:int}.w2.weight": res ffn[e]
        "experts.{e:int}.w2.bias": res
      embed.weight: _ res
      head.weight: _ res
    shared: [res]
"""


def experts(count: int, layers: int = 1) -> Shapes:
    tensors: Shapes = {"embed.weight": (9, 4), "head.weight": (9, 4)}
    for layer in range(layers):
        tensors[f"layers.{layer}.router.weight"] = (count, 4)
        for expert in range(count):
            at = f"layers.{layer}.experts.{expert}"
            tensors |= {f"{at}.{name}.weight": (6, 4) for name in ("w3", "w1")}
            tensors |= {f"{at}.w2.weight": (4, 6), f"{at}.w2.bias": (4,)}
    return tensors


def test_a_captured_group_stacks_tensors() -> None:
    found = made(EXPERTS, experts(11, layers=2))
    assert_well_formed(found)
    assert found.groups["layers.1/e"] == (11, None)
    assert found.groups["layers.1/ffn"] == (6, "layers.1/e")
    names = tuple(f"layers.1.experts.{expert}.w3.weight" for expert in range(11))
    tensor = found.tensor("layers.1.experts.10.w3.weight")
    assert tensor.names == names
    assert tensor.is_stacked
    assert tensor.shape == (11, 6, 4)
    assert found.axes(names[0]) == ["layers.1/e", "layers.1/ffn", "res"]
    assert found.axes("layers.0.experts.0.w2.bias") == ["layers.0/e", "res"]


def test_a_single_expert_is_a_plain_layer() -> None:
    found = made(EXPERTS, experts(1))
    assert found.groups["layers.0/ffn"] == (6, None)
    assert not found.tensor("layers.0.experts.0.w1.weight").is_stacked


def test_stacks_without_a_number_or_with_another_shape_are_refused() -> None:
    tensors = experts(3)
    del tensors["layers.0.experts.1.w2.bias"]
    gap = complaint(EXPERTS, tensors)
    assert gap.code == "MC0510"
    assert gap.message == (
        "`layers.0.experts.2.w2.bias` cannot be stacked by the group `e`: number 1 is missing"
    )
    assert marked(gap) == "experts.{e:int}.w2.bias"
    uneven = complaint(EXPERTS, experts(3) | {"layers.0.experts.1.w2.weight": (4, 7)})
    assert uneven.code == "MC0510"
    assert "[4, 7]" in uneven.message


def test_a_stack_needs_its_number_first() -> None:
    flat = complaint('tensors: {"l.{i:int}.e.{e:int}.w": "x[e] _", "l.{i:int}.r": e _}', {})
    assert flat.code == "MC0504"
    layer = complaint('tensors: {"l.{e:int}": {w: "x[e] _"}, r: e _}', {})
    assert layer.code == "MC0504"
    assert "pattern of layers" in layer.message


def test_unlisted_tensors() -> None:
    one = complaint(LLAMA, llama(1) | {"model.layers.0.self_attn.q_proj.bias": (32,)}, config=HEADS)
    assert one.code == "MC0508"
    assert one.message == (
        "the symmetry table says nothing about `model.layers.0.self_attn.q_proj.bias` of `tiny`"
    )
    several = complaint(LLAMA, llama(1) | {f"extra.{n}": (1,) for n in (10, 9, 8)}, config=HEADS)
    assert "`extra.8` of `tiny` and 2 others" in several.message
    assert several.notes == ("the others are `extra.9`, `extra.10`",)
    fixed = made(LLAMA + '    fixed: ["extra.*"]', llama(1) | {"extra.x": ()}, config=HEADS)
    assert fixed.groups


def test_patterns_of_ones_own_must_match() -> None:
    text = "tensors: {a.weight: u _, b.weight: _ u, c.bias: u}"
    none = complaint(text, {"a.weight": (3, 2), "b.weight": (2, 3)})
    assert none.code == "MC0125"
    assert marked(none) == "c.bias"
    layers = 'tensors: {"l.*": {a: u _, b: _ u}, "m.*": {a: u _}}'
    assert marked(complaint(layers, {"l.0.a": (3, 2), "l.0.b": (2, 3)})) == "m.*"
    fixed = 'tensors: {a.weight: u _, b.weight: _ u}\nfixed: ["*.inv_freq"]'
    assert marked(complaint(fixed, {"a.weight": (3, 2), "b.weight": (2, 3)})) == '"*.inv_freq"'


def test_an_entry_that_never_counts_is_a_warning() -> None:
    found = made('tensors: {"*.weight": _ _, a.weight: u _}', {"a.weight": (3, 2), "b.weight": (2, 3)})
    assert [one.code for one in found.said] == ["MC0128"]


def test_dimensions() -> None:
    one = complaint("tensors: {a.weight: u _, b.weight: _ u}", {"a.weight": (3, 2, 1), "b.weight": (2, 3)})
    assert one.code == "MC0509"
    assert one.message == "`a.weight` has 3 dimensions, and the table names 2"
    assert marked(one) == "u _"
    scalar = complaint("tensors: {a.weight: u _, b.weight: _ u}", {"a.weight": (3, 2), "b.weight": ()})
    assert scalar.help == "list it under `fixed`"


@pytest.mark.parametrize("text", ["S{s-1} _", "S{top} _"])
def test_names_that_cannot_be_filled(text: str) -> None:
    one = complaint(
        f'last: {{top: "none{{k:int}}"}}\ntensors: {{"s{{s:int}}": "{text}"}}', {"s0": (2, 2), "s1": (2, 2)}
    )
    assert one.code in {"MC0124", "MC0125"}


def test_what_is_wrong_in_all_layers_is_said_once() -> None:
    one = complaint(
        LLAMA.replace("_ (kv q[kv] v[kv])", "x").replace("ffn res", "ffn res _"), llama(3), config=HEADS
    )
    assert one.code == "MC0509"
    assert one.message.startswith("`model.layers.0.mlp.gate_proj.weight` has 2 dimensions")
    assert one.notes[-1] == "the same is wrong 5 more times"


def test_messages_count_the_axes_of_a_single_expert() -> None:
    shapes = experts(3)
    wide = {name: (7, 4) if name.endswith("w3.weight") else shape for name, shape in shapes.items()}
    one = complaint(EXPERTS, wide)
    assert one.code == "MC0515"
    assert one.message == (
        "`layers.0/ffn` has 7 units on axis 0 of `layers.0.experts.0.w3.weight`, "
        "and 6 on axis 0 of `layers.0.experts.0.w1.weight`"
    )
    fewer = made(EXPERTS, shapes | {"layers.0.router.weight": (4, 4)}).said
    assert fewer[0].message == (
        "`layers.0/e` has 3 units on the numbers of tensors such as `layers.0.experts.0.w1.weight`, "
        "and 4 on axis 0 of `layers.0.router.weight`"
    )
