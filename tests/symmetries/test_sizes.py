from __future__ import annotations

from tests.symmetries.reading import complaint, made, marked

FUSED = """
    tensors:
      qkv.weight: (h qk[h] | h qk[h] | h v[h]) res
      o.weight: res (h v[h])
      "(e|d).weight": _ res
"""
SHAPES = {"qkv.weight": (28, 6), "o.weight": (6, 12), "e.weight": (5, 6), "d.weight": (5, 6)}


def test_one_unknown_size_is_told_by_each_axis() -> None:
    found = made(FUSED, SHAPES, sizes={"h": 2})
    assert found.groups == {
        "h": (2, None),
        "qk": (4, "h"),
        "v": (6, "h"),
        "res": (6, None),
    }


def test_sizes_from_config_and_by_hand() -> None:
    text = "    sizes: {h: heads or num_heads, v: head_dim}" + FUSED
    assert made(text, SHAPES, config={"num_heads": 2}).groups["qk"] == (4, "h")
    assert made(text, SHAPES, config={"heads": 2, "head_dim": 6}).groups["qk"] == (4, "h")
    assert made(text, SHAPES, config={"heads": 2, "head_dim": 5}, sizes={"v": 6}).groups["v"] == (6, "h")


def test_sizes_that_use_each_other() -> None:
    text = "    sizes: {h: n / 2, v: n * h - 2, n: n}" + FUSED
    assert made(text, SHAPES, config={"n": 4}).groups["v"] == (6, "h")
    assert made(text, SHAPES, sizes={"n": 4}).groups["v"] == (6, "h")


def test_a_missing_value_of_config() -> None:
    text = "    sizes: {h: num_heads}" + FUSED
    one = complaint(text, SHAPES | {"qkv.weight": (28, 6)}, config={"heads": 2})
    assert one.code == "MC0506"
    assert one.message == "the config.json of `tiny` has no `num_heads`, which gives the size of `h`"
    assert one.help == "give it in the step: `sizes: {h: ...}`"
    assert marked(one) == "num_heads"


def test_a_size_that_nothing_tells() -> None:
    one = complaint(FUSED, SHAPES)
    assert one.code == "MC0507"
    assert one.message == "the shapes of `tiny` do not tell the size of `h`"
    plain = complaint("tensors: {a: u (_ _), b: _ u}", {"a": (3, 4), "b": (2, 3)})
    assert plain.message == "the shapes of `tiny` do not tell the size of `_`"
    assert "`_hd`" in (plain.help or "")


def test_a_factor_that_does_not_divide() -> None:
    one = complaint(FUSED, SHAPES, sizes={"h": 5})
    assert one.code == "MC0514"
    assert (
        one.message
        == "axis 1 of `o.weight` has 12 indices, which do not fit `(h v[h])`: 5 does not divide 12"
    )
    assert one.notes == ("`h` is 5 in the step's `sizes`",)
    assert marked(one) == "res (h v[h])"


def test_sums_that_do_not_fit() -> None:
    one = complaint(FUSED, SHAPES, sizes={"h": 2, "v": 6, "qk": 5})
    assert one.message == (
        "axis 0 of `qkv.weight` has 28 indices, which do not fit `(h qk[h] | h qk[h] | h v[h])`: they make 32"
    )
    too_long = complaint(FUSED, SHAPES | {"o.weight": (6, 28)}, sizes={"h": 2})
    assert too_long.message.endswith("`(h qk[h] | h qk[h] | h v[h])`: what is known makes 28")


def test_a_group_with_two_sizes() -> None:
    one = complaint(
        "tensors: {a.weight: u _, b.weight: _ u, c.weight: _ u}",
        {"a.weight": (3, 2), "b.weight": (2, 3), "c.weight": (2, 4)},
    )
    assert one.code == "MC0515"
    assert one.message == "`u` has 4 units on axis 1 of `c.weight`, and 3 on axis 0 of `a.weight`"


def test_numbers_and_named_factors() -> None:
    text = "sizes: {_w: 3}\ntensors: {a.weight: u 3 _w _w, b.weight: _ (u 4)}"
    assert made(text, {"a.weight": (5, 3, 3, 3), "b.weight": (2, 20)}).axes("b.weight") == ["2", "u 4"]
    assert complaint(text, {"a.weight": (5, 3, 3, 2), "b.weight": (2, 20)}).code == "MC0515"
    assert complaint(text, {"a.weight": (5, 4, 3, 3), "b.weight": (2, 20)}).code == "MC0514"


def test_a_size_that_is_no_whole_number() -> None:
    text = "    sizes: {h: heads / 3}" + FUSED
    one = complaint(text, SHAPES, config={"heads": 4})
    assert one.code == "MC0505"
    assert "it is 4/3" in one.message
    assert marked(one) == "heads / 3"
    assert complaint(text, SHAPES, config={"heads": "many"}).code == "MC0505"
    assert complaint("    sizes: {h: 2 heads}" + FUSED, SHAPES).code == "MC0505"


def test_an_unknown_size_by_hand() -> None:
    one = complaint(FUSED, SHAPES, sizes={"hh": 2})
    assert one.code == "MC0513"
    assert one.help == "did you mean `h`?"
