from __future__ import annotations

import pytest

from tests.symmetries.reading import Shapes, complaint, made

HEAD = """
    tensors:
      words.weight: _ res
      body.weight: res res2
      back.weight: res2 res
      transform.weight: head res
      transform.bias: head
      decoder.weight: _ head
    tied:
      - {names: [words.weight, decoder.weight], when: tie or true}
"""
SHAPES: Shapes = {
    "words.weight": (9, 4),
    "body.weight": (4, 6),
    "back.weight": (6, 4),
    "transform.weight": (4, 4),
    "transform.bias": (4,),
    "decoder.weight": (9, 4),
}
APART = {"tie": False}


def test_groups_of_tied_tensors_are_one() -> None:
    untied = made(HEAD, SHAPES, config=APART)
    assert list(untied.groups) == ["res", "res2", "head"]
    for found in (
        made(HEAD, SHAPES),
        made(HEAD, SHAPES, config=APART, same={"decoder.weight": "words.weight"}),
        made(HEAD.replace("tie or true", "tie"), SHAPES, same={"words.weight": "decoder.weight"}),
    ):
        assert list(found.groups) == ["res", "res2"]
        assert found.axes("transform.weight") == ["res", "res"]
        assert [one.code for one in found.said] == ["MC0512"]


def test_a_tied_tensor_may_be_absent() -> None:
    absent = {name: shape for name, shape in SHAPES.items() if name != "decoder.weight"}
    found = made(HEAD, absent, config=APART)
    assert list(found.groups) == ["res", "res2"]
    assert found.axes("transform.bias") == ["res"]


def test_the_short_form_asks_config_as_transformers_does() -> None:
    text = f"{HEAD.partition('    tied:')[0]}    tied: [[words.weight, decoder.weight]]"
    assert len(made(text, SHAPES).groups) == 3
    assert len(made(text, SHAPES, config={"tie_word_embeddings": True}).groups) == 2


def test_shared_storage_must_have_the_same_axes() -> None:
    text = HEAD.partition("    tied:")[0]
    one = complaint(text, SHAPES, same={"decoder.weight": "words.weight"})
    assert one.code == "MC0522"
    assert one.message == (
        "`decoder.weight` and `words.weight` are one tensor, and the table gives them different axes"
    )
    assert one.notes == ("`words.weight` has `_ res`", "`decoder.weight` has `_ head`")


def test_tied_axes_of_another_form_are_refused() -> None:
    text = HEAD.replace(": _ head", ": _ (h head[h])").replace(": head res", ": (h head[h]) res")
    one = complaint(text.replace(": head\n", ": (h head[h])\n"), SHAPES, sizes={"h": 2})
    assert one.code == "MC0522"


def test_a_group_tied_to_what_stays_is_frozen() -> None:
    found = made(HEAD.replace("words.weight: _ res", "words.weight: _ _"), SHAPES)
    assert found.frozen == ["head"]


def test_names_of_tied_tensors_are_filled() -> None:
    text = """
        shared: [res]
        tensors:
          "*.words.weight": _ res
          "*.head.weight": _ head
          "*.t.weight": head res
        tied: [["{p}.words.weight", "{p}.head.weight"]]
    """
    shapes: Shapes = {f"{p}.{n}.weight": (4, 4) for p in "ab" for n in ("words", "head", "t")}
    assert len(made(text, shapes).groups) == 2
    assert list(made(text, shapes, config={"tie_word_embeddings": True}).groups) == ["res"]


STAGES = """
    tensors:
      stem.weight: S0 _
      "stage{s:int}.conv.weight": mid S{s-1}
      "stage{s:int}.out.weight": S{s} mid2
      "stage{s:int}.in.weight": mid2 mid
      "stage{s:int}.skip.weight": S{s} S{s-1}
      head.weight: _ S2
    shared: [mid, mid2]
    equal:
      - {groups: ["S{s-1}", "S{s}"], for: "stage{s:int}.conv.weight", unless: "stage{s}.skip.*"}
"""


def test_groups_are_equal_where_nothing_stands_between() -> None:
    shapes: Shapes = {
        "stem.weight": (4, 3),
        "head.weight": (2, 4),
        **{f"stage{s}.{name}.weight": (4, 4) for s in (1, 2) for name in ("conv", "out", "in")},
    }
    one = {**shapes, "stage2.skip.weight": (4, 4)}
    assert made(STAGES, one).groups.keys() == {"S0", "mid", "S2", "mid2"}
    both = {**one, "stage1.skip.weight": (4, 4)}
    assert made(STAGES, both).groups.keys() == {"S0", "mid", "S1", "S2", "mid2"}
    differ = {**shapes, "stage1.skip.weight": (4, 4), "stage2.out.weight": (6, 4), "head.weight": (2, 6)}
    assert {one.code for one in made(STAGES, differ).said} == {"MC0515"}


def test_equal_groups_of_a_layer() -> None:
    text = """
        shared: [res]
        tensors:
          "l.*": {a.weight: in res, b.weight: mid in, c.weight: out mid}
          "(e|d).weight": _ res
        equal:
          - {groups: [mid, in], for: "l.*.b.weight", unless: none}
          - {groups: [out, res], for: "l.*.c.weight", unless: none}
    """
    shapes: Shapes = {f"l.{i}.{n}.weight": (4, 4) for i in range(2) for n in "abc"}
    found = made(text, shapes | {"e.weight": (9, 4), "d.weight": (9, 4)})
    assert list(found.groups) == ["l.0/in", "res", "l.1/in"]


@pytest.mark.parametrize(("config", "frozen"), [({}, ["S1"]), ({"open": True}, [])])
def test_frozen_groups(config: dict[str, object], frozen: list[str]) -> None:
    text = """
        tensors: {a.weight: S1 _, b.weight: S2 S1, c.weight: _ S2, head.weight: _ S1}
        frozen:
          - {groups: [S1], unless: "head.*, other.*", when: 1 - (open or false)}
    """
    shapes: Shapes = {"a.weight": (4, 3), "b.weight": (4, 4), "c.weight": (2, 4)}
    text = text.replace(", head.weight: _ S1", "")
    assert made(text, shapes, config=config).frozen == frozen
    assert made(text, shapes | {"a.weight": (4, 3)}, config={"open": 1}).frozen == []


def test_names_of_groups_are_checked() -> None:
    lines = ("shared: [uu]", "equal: [{groups: [u, uu]}]", "frozen: [{groups: [uu]}]", "sizes: {uu: 3}")
    for line in lines:
        one = complaint(f"tensors: {{a: u _, b: _ u}}\n{line}", {})
        assert one.code == "MC0513"
        assert one.message == "no group of the symmetry table is called `uu`"
