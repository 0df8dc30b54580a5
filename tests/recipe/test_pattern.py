from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Diagnostic, SourceText, Span
from mergec.recipe.name_errors import PatternError
from mergec.recipe.pattern import CaptureKind, Pattern, escape

LLAMA = [
    "model.embed_tokens.weight",
    *(
        f"model.layers.{layer}.{part}.weight"
        for layer in range(12)
        for part in ("self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj", "input_layernorm")
    ),
    "model.norm.weight",
    "lm_head.weight",
]
names = st.lists(st.sampled_from(["a", "b", "layers", "0", "7", "q_proj", "", "x y", "$", "[0]"]), max_size=6)
dotted = names.map(".".join)


def read(text: str) -> Pattern | Diagnostic:
    """The pattern, or the diagnostic that refuses it; any other exception is a failure."""
    try:
        return Pattern.parse(text)
    except PatternError as error:
        return error.diagnostics[0]


def matches(pattern: str, *candidates: str) -> list[str]:
    return Pattern.parse(pattern).bind(list(candidates)).matches


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("lm_head", ["lm_head"], ["lm_head.weight", "lm_heads", "x.lm_head", "LM_HEAD"]),
        ("lm_head.*", ["lm_head.weight", "lm_head."], ["lm_head", "lm_head.a.b"]),
        ("a.*_proj.w", ["a.q_proj.w", "a._proj.w"], ["a.q.x_proj.w", "a.q_projs.w"]),
        ("a*b*c", ["abc", "axbyc", "abcbc"], ["a.bc", "abcd"]),
        ("**", ["a", "a.b.c", ""], []),
        ("model.**", ["model", "model.a.b", "model."], ["models", "models.a", "a.model"]),
        ("**.mlp", ["mlp", "a.mlp", "a.b.mlp"], ["xmlp", "mlp.a"]),
        ("**.mlp.**", ["mlp.x", "a.mlp", "mlp", "a.b.mlp.c.d"], ["a.xmlp.b", "mlpx"]),
        ("a.**.b", ["a.b", "a.x.b", "a.x.y.b"], ["ab", "a.xb", "ax.b", "a"]),
        ("a.**.**.b", ["a.b", "a.x.b", "a.x.y.b"], ["ab", "a.xb"]),
        ("**.**", ["", "a", "a.b"], []),
        ("**.a.**.b.**", ["a.b", "x.a.y.b.z"], ["b.a", "a", "b"]),
        ("**norm.weight", ["norm.weight", "a.b.xnorm.weight"], ["norm.bias", "normxweight"]),
        ("model**weight", ["model.a.weight", "modelweight"], ["model.a.bias"]),
        ("(q|k|v)_proj", ["q_proj", "k_proj", "v_proj"], ["o_proj", "qk_proj", "(q|k|v)_proj"]),
        ("x.(q*|k)", ["x.q", "x.query", "x.k"], ["x.key", "x.q.a"]),
        ("attn(|1|2).w", ["attn.w", "attn1.w", "attn2.w"], ["attn3.w"]),
        ("l.[0:8].w", ["l.0.w", "l.7.w", "l.07.w"], ["l.8.w", "l.x.w", "l.w"]),
        ("l.[4]", ["l.4"], ["l.3", "l.40", "l.4.a"]),
        ("l.[0:7:3]", ["l.0", "l.3", "l.6"], ["l.1", "l.9"]),
        ("l.[2:]", ["l.2", "l.99"], ["l.1"]),
        ("l.[:]", ["l.2", "l.99"], ["l.a"]),
        ("h.{i}.w", ["h.0.w", "h.abc.w"], ["h..w", "h.a.b.w"]),
        ("h.{i:int}.w", ["h.0.w", "h.123.w"], ["h.a.w", "h.-1.w"]),
        ("module.{rest:**}", ["module.a", "module.a.b"], ["module", "module.", "modules.a"]),
        ("block{i:int}_{part}", ["block12_w"], ["block_w", "blockx_w"]),
        (r"re:^a\.[bc]$", ["a.b", "a.c"], ["a.d", "axb", "xa.b"]),
        ("re:mid", ["mid", "a.mid.b", "amidst"], ["mi.d"]),
        (r"weights\[0\]", ["weights[0]"], ["weights0"]),
        (r"a\*b\\c", ["a*b\\c"], ["axb\\c"]),
        ("a b/c$d", ["a b/c$d"], ["a b/c"]),
        ("é.*", ["é.ü"], ["e.u"]),
    ],
)
def test_each_form_matches_as_the_reference_says(pattern: str, yes: list[str], no: list[str]) -> None:
    assert matches(pattern, *yes, *no) == yes


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("model.layers.[0:8].self_attn.(q|k|v)_proj.weight", 16),
        ("**.mlp.**", 12),
        ("**norm.weight", 13),
        ("lm_head.*", 1),
        ("model.layers.[-2:].**", 8),
        ("model.layers.[-1].**", 4),
        ("model.layers.[:-2].**", 40),
        ("model.layers.[0:12:2].**", 24),
        ("model.layers.[1::2].**", 24),
        ("**.[-2:].**", 8),
        ("**.[-40:2].mlp.**", 2),
    ],
)
def test_patterns_of_the_reference_on_a_llama(pattern: str, count: int) -> None:
    assert len(Pattern.parse(pattern).bind(LLAMA)) == count


def test_negative_indices_count_from_the_end_of_each_list_of_layers() -> None:
    found = matches(
        "**.layers.[-1].w", *(f"enc.layers.{i}.w" for i in range(6)), "dec.layers.0.w", "dec.layers.1.w"
    )
    assert found == ["enc.layers.5.w", "dec.layers.1.w"]


def test_the_list_holds_only_names_that_match_the_rest() -> None:
    # Layer 3 has no experts, so the last layer that the pattern can mean is 2.
    parts = [*(f"l.{i}.experts.{e}.w" for i in range(3) for e in range(4)), "l.3.mlp.w"]
    assert matches("l.[-1].experts.[-2:].w", *parts) == ["l.2.experts.2.w", "l.2.experts.3.w"]


def test_an_index_segment_takes_the_first_number_of_a_name() -> None:
    bound = Pattern.parse("**.[0:8].**").bind(["m.layers.3.mlp.experts.9.w", "m.layers.9.mlp.experts.3.w"])
    assert bound.matches == ["m.layers.3.mlp.experts.9.w"]
    assert bound.index_of("m.layers.3.mlp.experts.9.w") == 3
    assert bound.place_of("m.layers.3.mlp.experts.9.w") == ("m.layers.", 3)


def test_captures() -> None:
    bound = Pattern.parse("h.{i:int}.{part}.{rest:**}").bind(["h.3.attn.q.weight"])
    assert bound.match("h.3.attn.q.weight") == {"i": "3", "part": "attn", "rest": "q.weight"}
    assert bound.index_of("h.3.attn.q.weight") == 3
    assert bound.match("other") is None
    assert bound.index_of("other") is None


def test_a_capture_used_twice_must_match_the_same_text() -> None:
    assert matches("b.{i:int}.c.{i}.w", "b.1.c.1.w", "b.1.c.2.w") == ["b.1.c.1.w"]


def test_a_regular_expression_captures_by_name() -> None:
    name = "layer12.attn"
    bound = Pattern.parse(r"re:^layer(?P<i>\d+)\.(?P<rest>.*)$").bind([name])
    assert bound.match(name) == {"i": "12", "rest": "attn"}
    assert bound.index_of(name) == 12
    assert bound.pattern.captures == {"i": CaptureKind.INT, "rest": CaptureKind.REST}


def test_an_optional_group_that_takes_no_part_captures_nothing() -> None:
    assert Pattern.parse("re:^a(?P<x>b)?$").bind(["a"]).match("a") == {"x": ""}
    assert Pattern.parse(r"re:^a(?P<i>\d+)?$").bind(["a", "a1"]).matches == ["a1"]


def test_absurd_numbers_are_no_indices() -> None:
    long = "l." + "9" * 5000
    assert matches("l.[0:8]", long) == []
    assert matches("l.[:]", long) == []
    assert matches("l.{i:int}", long) == []


def test_names_that_have_no_utf8_are_matched_and_captured() -> None:
    name = "a.\ud800x"
    assert Pattern.parse("a.{rest:**}").bind([name]).match(name) == {"rest": "\ud800x"}


@pytest.mark.parametrize(
    ("pattern", "reason", "column"),
    [
        ("", "empty", 1),
        ("a.b[0", "never closed", 4),
        ("a.[0", "never closed", 3),
        ("a.{b", "never closed", 3),
        ("a.(b|c", "never closed", 3),
        ("a.b)", "closes nothing", 4),
        ("a|b", "outside parentheses", 2),
        ("a.[x]", "not an index range", 3),
        ("a.[]", "not an index range", 3),
        ("a.[1:2:3:4]", "not an index range", 3),
        ("a.[99999999999999999999]", "not an index range", 3),
        ("a.[0:8:0]", "step", 3),
        ("a.[8:0:-1]", "step", 3),
        ("a.[8:2]", "range is empty", 3),
        ("a.[-1:-2]", "range is empty", 3),
        ("a.x[0:2]", "whole segment", 4),
        ("a.[0:2]x", "whole segment", 3),
        ("a.{i:float}", "unknown capture type", 3),
        ("a.{i+1}", "not a capture", 3),
        ("a.{}", "not a capture", 3),
        ("a.{i}.{i:int}", "another type", 7),
        ("a.(b.c|d)", "may not hold `.`", 5),
        ("a.(b|(c))", "may not hold `(`", 6),
        ("a.(b|**)", "may not hold `**`", 6),
        ("a.***", "no meaning", 3),
        ("a\\", "backslash", 2),
        (r"a\d", "no meaning", 2),
        ("re:(", "missing )", 4),
        ("re:(?=a)", "invalid perl operator", 4),
        ("a\ud800", "surrogate", 2),
    ],
)
def test_errors_point_into_the_pattern(pattern: str, reason: str, column: int) -> None:
    line = f'"{pattern}"'
    span = Span(SourceText("r.yaml", line), 1, 1, len(line) + 1)
    with pytest.raises(PatternError) as caught:
        Pattern.parse(pattern, span)
    (error,) = caught.value.diagnostics
    assert error.code == "MC0120"
    assert reason in error.message
    expected = 0 if not pattern else column
    assert error.span is not None
    assert error.span.column == 1 + expected


@given(dotted)
def test_an_escaped_name_matches_only_itself(name: str) -> None:
    if name:
        others = [name + "x", "x" + name, name + ".a", name.upper() + "_"]
        assert matches(escape(name), name, *others) == [name]


@given(st.text(min_size=1, max_size=30))
def test_any_text_can_be_escaped(name: str) -> None:
    pattern = read(escape(name))
    if isinstance(pattern, Diagnostic):
        assert any("\ud800" <= char <= "\udfff" for char in name)
    else:
        assert pattern.literal == name
        assert pattern.bind({name: 1}).matches == [name]


hostile = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="ab0.*()|[]{}:-+\\re^$?", max_size=40),
    st.text(alphabet="ab.*", max_size=20).map("re:{}".format),
)


@given(hostile, st.lists(st.one_of(dotted, st.text(max_size=20)), max_size=5))
def test_any_text_is_a_pattern_or_a_diagnostic(text: str, candidates: list[str]) -> None:
    pattern = read(text)
    if isinstance(pattern, Diagnostic):
        assert pattern.code == "MC0120"
        assert pattern.message
        return
    bound = pattern.bind(candidates)
    assert str(pattern) == text
    assert Pattern.parse(str(pattern)) == pattern
    assert set(bound.matches) <= set(candidates)
    assert all((bound.match(name) is not None) == (name in bound) for name in candidates)


@given(st.lists(st.sampled_from(["a", "b", "*", "**", "(a|b)", "{x}"]), min_size=1, max_size=5), names)
def test_segments_match_as_a_plain_reference_matcher_says(segments: list[str], parts: list[str]) -> None:
    seen = [
        segment
        for number, segment in enumerate(segments)
        if "{" not in segment or segment not in segments[:number]
    ]
    name = ".".join(parts)
    expected = _reference(seen, name.split("."))
    assert bool(matches(".".join(seen), name)) == expected


def _reference(segments: list[str], parts: list[str]) -> bool:
    """The meaning of a pattern, by plain recursion over segments."""
    if not segments:
        return not parts
    head, rest = segments[0], segments[1:]
    if head == "**":
        # A name has at least one segment, so `**` alone matches it whatever it is.
        return any(_reference(rest, parts[count:]) for count in range(len(parts) + 1))
    if not parts:
        return False
    fits = {"*": True, "(a|b)": parts[0] in {"a", "b"}, "{x}": parts[0] != ""}.get(head, parts[0] == head)
    return fits and _reference(rest, parts[1:])


@pytest.mark.parametrize("pattern", ["**a" * 30, "*a" * 30, "**.a" * 30, "re:^(a+)+b$", "{x}a*a" + "*a" * 20])
def test_hostile_names_take_linear_time(pattern: str) -> None:
    # A backtracking matcher would not finish within the age of the universe.
    start = time.monotonic()
    Pattern.parse(pattern).bind(["a" * 100_000, "a." * 50_000 + "c"])
    assert time.monotonic() - start < 20


def test_very_large_patterns_are_read_or_refused() -> None:
    for text in ("(a|b)" * 20_000, "*" + "a*" * 100_000, ".".join(["{x}"] * 3000), "re:" + "(a" * 5000):
        pattern = read(text)
        if isinstance(pattern, Pattern):
            pattern.bind(["a"])


def test_a_large_checkpoint_is_matched_in_well_under_a_second() -> None:
    many = [
        f"model.layers.{i}.mlp.experts.{j}.{w}.weight" for i in range(60) for j in range(512) for w in "abc"
    ]
    start = time.monotonic()
    for text in ("model.layers.[0:8].**", "**.mlp.**", "**norm.weight", many[-1]):
        Pattern.parse(text).bind(many)
    assert time.monotonic() - start < 10  # a guard against quadratic behaviour, not a benchmark
