from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Diagnostic, MergecError, Report, SourceText
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.recipe.place import TreePlace
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.rename_rule import RenameRule
from mergec.recipe.shape_change import Concat, Split, Stack, Transpose
from mergec.recipe.value_place import NoPlace
from mergec.recipe.yaml_tree import plain, read_yaml


def refused(value: Any) -> tuple[Diagnostic, ...]:
    with pytest.raises(MergecError) as caught:
        RenameRule.parse(value, NoPlace())
    return caught.value.diagnostics


@pytest.mark.parametrize(
    ("value", "change", "text"),
    [
        ("a.{rest:**} -> b.{rest}", None, "a.{rest:**} -> b.{rest}"),
        ("  a->b  ", None, "a -> b"),
        ({"from": "w", "to": ["q", "k"], "split": {"dim": 1}}, Split(1), "w -> [q, k] (split)"),
        (
            {"from": "w", "to": ["q", "k"], "split": {"dim": 0, "sizes": [2, 1]}},
            Split(0, (2, 1)),
            "w -> [q, k] (split)",
        ),
        ({"from": ["q", "k"], "to": "w", "concat": {"dim": -1}}, Concat(-1), "[q, k] -> w (concat)"),
        ({"from": "e.{e:int}", "to": "e", "stack": {"over": "e"}}, Stack("e", 0), "e.{e:int} -> e (stack)"),
        ({"from": "w", "to": "v", "transpose": [1, 0]}, Transpose((1, 0)), "w -> v (transpose)"),
    ],
)
def test_rules_that_can_be_read(value: Any, change: Any, text: str) -> None:
    read = RenameRule.parse(value, NoPlace())
    assert read.change == change
    assert read.text == text
    assert not read.optional


def test_optional_and_captures_that_all_patterns_share() -> None:
    value = {"from": ["a.{i:int}.{x}", "b.{i:int}"], "to": "c.{i+1}", "concat": {"dim": 0}, "optional": True}
    assert RenameRule.parse(value, NoPlace()).optional
    assert [d.code for d in refused({**value, "to": "c.{x}"})] == ["MC0122"]
    assert [d.code for d in refused({**value, "from": ["a.{i:int}", "b.{i}"]})] == ["MC0123"]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("a.b", "MC0135", "no `->`"),
        ("a -> b -> c", "MC0135", "more than one"),
        ("a ->", "MC0121", "empty"),
        ("-> a", "MC0120", "empty"),
        ("a[ -> b", "MC0120", "never closed"),
        ("a.* -> b.*", "MC0121", "no meaning in a template"),
        ("a.{i} -> b.{j}", "MC0122", "`{j}`"),
        ("a.{i} -> b.{i+1}", "MC0123", "`i` is text"),
        (5, "MC0135", "not a text or a mapping"),
        (None, "MC0135", "nothing"),
        ({"from": "a"}, "MC0111", "lacks the key `to`"),
        ({"from": "a", "to": "b", "splt": 1}, "MC0110", "`splt`"),
        ({"from": 1, "to": "b"}, "MC0135", "`1` is not the text of a name"),
        ({"from": ["a"], "to": "b"}, "MC0135", "a list of one name"),
        ({"from": [], "to": "b"}, "MC0135", "empty list"),
        ({"from": "a", "to": "b", "optional": "yes"}, "MC0135", "`optional`"),
        ({"from": ["a", "b"], "to": "c"}, "MC0135", "needs `concat`"),
        ({"from": "a", "to": ["b", "c"]}, "MC0135", "needs `split`"),
        ({"from": "a", "to": "b", "concat": {"dim": 0}}, "MC0135", "needs a list in `from`"),
        ({"from": "a", "to": "b", "split": {"dim": 0}}, "MC0135", "needs a list in `to`"),
        ({"from": "a", "to": ["b", "b"], "split": {"dim": 0}}, "MC0135", "twice"),
        ({"from": "a", "to": ["b", "c"], "split": {"dim": 0, "sizes": [1]}}, "MC0135", "1 sizes for 2 names"),
        ({"from": "a", "to": ["b", "c"], "split": {"dim": 0, "sizes": [1, 0]}}, "MC0135", "sizes above zero"),
        ({"from": "a", "to": ["b", "c"], "split": {"dim": 0, "sizes": []}}, "MC0135", "sizes above zero"),
        ({"from": "a", "to": ["b", "c"], "split": {"dim": True}}, "MC0135", "whole number"),
        ({"from": "a", "to": ["b", "c"], "split": {}}, "MC0111", "lacks the key `dim`"),
        ({"from": "a", "to": ["b", "c"], "split": 1}, "MC0135", "a mapping such as"),
        ({"from": "a", "to": ["b", "c"], "split": {"dim": 0, "size": 1}}, "MC0110", "`size`"),
        ({"from": "a.{e}", "to": "a", "stack": {"over": "e"}}, "MC0135", "`{e:int}`"),
        ({"from": "a.{e:int}", "to": "a", "stack": {"over": "f"}}, "MC0135", "does not capture"),
        ({"from": "a.{e:int}", "to": "a.{e}", "stack": {"over": "e"}}, "MC0135", "`to` cannot hold it"),
        ({"from": "a", "to": "b", "stack": {"over": 1}}, "MC0135", "name of a capture"),
        ({"from": "a", "to": "b", "transpose": [0, 0]}, "MC0135", "each dimension once"),
        ({"from": "a", "to": "b", "transpose": [1]}, "MC0135", "each dimension once"),
        ({"from": "a", "to": "b", "transpose": []}, "MC0135", "each dimension once"),
        (
            {"from": "a", "to": "b", "transpose": [0], "split": {"dim": 0}},
            "MC0135",
            "both `split` and `transpose`",
        ),
    ],
)
def test_rules_that_cannot_be_read(value: Any, code: str, text: str) -> None:
    (found,) = refused(value)
    assert found.code == code
    assert text in found.message


def test_errors_point_into_the_rule() -> None:
    tree = read_yaml(SourceText("r.yaml", '- module.{rest:**} -> {res}\n- "h.[0:x] -> b"\n- a -> b.*\n'))
    places = TreePlace(tree)
    columns = []
    rules = plain(tree)
    assert isinstance(rules, list)
    for number, value in enumerate(rules):
        with pytest.raises(MergecError) as caught:
            RenameRule.parse(value, places.child(number))
        columns += [str(d.span) for d in caught.value.diagnostics]
    assert columns == ["r.yaml:1:23", "r.yaml:2:6", "r.yaml:3:10"]


json_like = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(alphabet="a{}i:*->", max_size=8)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
change = st.dictionaries(st.sampled_from(["dim", "sizes", "over", "x"]), json_like) | json_like
rule_like = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["split", "concat", "stack", "transpose"], change),
        **dict.fromkeys(["from", "to", "optional"], json_like),
    },
)


@given(json_like | rule_like, st.lists(st.text(alphabet="ai.0", max_size=4), unique=True))
def test_any_value_is_a_rule_or_diagnostics(value: Any, found: list[str]) -> None:
    diagnostics: tuple[Diagnostic, ...]
    try:
        read = RenameRule.parse(value, NoPlace())
    except MergecError as error:
        diagnostics = error.diagnostics
    else:
        report = Report()
        square = StridedView.contiguous(0, 0, DType.F32, (2, 2))
        apply_rules(dict.fromkeys(found, square), [read], "chat", report)
        diagnostics = report.diagnostics
        assert read.text
    assert all(d.message for d in diagnostics)
