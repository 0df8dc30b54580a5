from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import MergecError, SourceText, Span
from mergec.recipe.pattern import CaptureKind
from mergec.recipe.template import Template
from mergec.symmetries.axis_syntax import AxesText, FactorText, parse_axes

CAPTURES = {"s": CaptureKind.INT, "k": CaptureKind.INT}

names = st.sampled_from(["res", "q", "kv", "h0", "S{s}", "S{s-1}", "h{k+1}_x", "{s}"])


def named(text: str) -> Template:
    return Template.parse(text, None, CAPTURES)


factors = st.one_of(
    st.builds(
        lambda name, family: FactorText(named(name), tuple(map(named, family))), names, st.lists(names)
    ),
    st.builds(lambda name: FactorText(named(name)), st.sampled_from(["_", "_hd", "_2"])),
    st.builds(lambda size: FactorText(None, size=size), st.integers(1, 10**17)),
)
segments = st.lists(factors, min_size=1, max_size=4).map(tuple)
axes = st.lists(segments, min_size=1, max_size=3).map(tuple)
whole = st.builds(AxesText, st.lists(axes, min_size=1, max_size=4).map(tuple), st.booleans())


@given(whole)
def test_what_is_printed_reads_as_the_same(text: AxesText) -> None:
    assert parse_axes(str(text), None, CAPTURES) == text


@given(whole, st.integers(0, 3))
def test_blanks_mean_nothing_where_tokens_end(text: AxesText, more: int) -> None:
    spaced = "".join(f"{' ' * more}{char}{' ' * more}" if char in "()|!" else char for char in str(text))
    assert parse_axes(f"{spaced} ", None, CAPTURES) == text


@given(st.text(max_size=40) | st.text(alphabet="ab_ 012()[]|!{}s-+", max_size=40))
def test_any_text_is_axes_or_an_error_with_a_place(text: str) -> None:
    span = Span(SourceText("t", text), 1, 1, len(text) + 1)
    try:
        found = parse_axes(text, span, CAPTURES)
    except MergecError as error:
        (only,) = error.diagnostics
        assert only.code in {"MC0501", "MC0121", "MC0122", "MC0123"}
        assert only.span is not None
    else:
        assert parse_axes(str(found), None, CAPTURES) == found


def test_parts_of_an_axis() -> None:
    found = parse_axes("(kv q[kv] 4) (a | b[a c] _hd) _!", None, {})
    assert found.axes == (
        ((FactorText(named("kv")), FactorText(named("q"), (named("kv"),)), FactorText(None, size=4)),),
        (
            (FactorText(named("a")),),
            (FactorText(named("b"), (named("a"), named("c"))), FactorText(named("_hd"))),
        ),
        ((FactorText(named("_")),),),
    )
    assert not found.is_matched
    assert parse_axes("(res)", None, {}) == parse_axes("res", None, {})


@pytest.mark.parametrize(
    ("text", "mark", "reason"),
    [
        ("", "", "it names no axis"),
        ("!", "!", "it names no axis"),
        ("res (kv q", "(", "never closed"),
        ("res (kv q[kv) x", ")", "`)` is no group"),
        ("res q[kv", "[", "this bracket is never closed"),
        ("res q[]", "[", "needs a parent"),
        ("res q[_]", "_", "`_` is no group"),
        ("res q[4]", "4", "`4` is no group"),
        ("res )", ")", "`)` closes nothing"),
        ("res | q", "|", "`|` stands outside parentheses"),
        ("res (a | )", ")", "a group or a size is missing"),
        ("res ()", ")", "a group or a size is missing"),
        ("res ((a) b)", "(", "a group or a size is missing"),
        ("res (a (b))", "(", "cannot stand inside parentheses"),
        ("[kv] res", "[", "follows no group"),
        ("res! q", "q", "`q` follows `!`"),
        ("(a! b)", "!", "cannot stand inside parentheses"),
        ("res 4h", "4h", "`4h` is no group"),
        ("res 0", "0", "an axis cannot have 0 indices"),
        ("res q-kv", "q-kv", "`q-kv` is no group"),
        ("res {", "{", "`{` is no group"),
    ],
)
def test_a_mistake_is_marked_where_it_stands(text: str, mark: str, reason: str) -> None:
    span = Span(SourceText("t", text), 1, 1, len(text) + 1)
    with pytest.raises(MergecError) as caught:
        parse_axes(text, span, {})
    (only,) = caught.value.diagnostics
    assert only.code == "MC0501"
    assert reason in only.message
    assert only.span is not None
    assert text[only.span.column - 1 : only.span.end_column - 1] == mark


def test_a_name_is_filled_with_what_its_pattern_captures() -> None:
    with pytest.raises(MergecError) as caught:
        parse_axes("res S{t}", None, CAPTURES)
    assert [one.code for one in caught.value.diagnostics] == ["MC0122"]
