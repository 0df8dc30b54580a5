from __future__ import annotations

import pytest

from mergec.diagnostics import MergecError, SourceText
from mergec.recipe.yaml_documents import MAX_ALIASED, read_documents
from mergec.recipe.yaml_tree import plain


def documents(text: str) -> list[object]:
    return [plain(one) for one in read_documents(SourceText("x.yml", text))]


def codes(text: str) -> list[str]:
    with pytest.raises(MergecError) as caught:
        read_documents(SourceText("x.yml", text))
    return [one.code for one in caught.value.errors]


def test_documents_come_in_order_and_empty_ones_are_none() -> None:
    assert documents("a: 1\n---\n---\nb: 2\n---\n") == [{"a": 1}, {"b": 2}]
    assert documents("# nothing\n") == []


def test_an_alias_stands_for_what_it_names() -> None:
    assert documents("a: &x [1, {b: 2}]\nc: *x\nd: [*x, *x]\n") == [
        {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": [[1, {"b": 2}]] * 2}
    ]


def test_what_a_mapping_says_itself_wins_over_what_is_merged_into_it() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 0\nd: {x: 3, <<: {w: 4}}\n"
    assert documents(text) == [
        {
            "a": {"x": 1, "y": 1},
            "b": {"y": 2, "z": 2},
            "c": {"x": 0, "y": 1, "z": 2},
            "d": {"x": 3, "w": 4},
        }
    ]


def test_a_quoted_merge_key_is_a_key() -> None:
    assert documents('"<<": 1\n') == [{"<<": 1}]


def test_values_are_those_of_recipes() -> None:
    assert documents("a: 1e-3\nb: no\nc: 012\n") == [{"a": 0.001, "b": "no", "c": 12}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: *x\n", "MC0101"),
        ("a: &x [*x]\n", "MC0101"),
        ("a: &x 1\n---\nb: *x\n", "MC0101"),
        ("<<: 1\n", "MC0101"),
        ("<<: [1]\n", "MC0101"),
        ("a: [\n", "MC0101"),
        ("a: 1\na: 2\n", "MC0102"),
        ("a: !!python/object x\n", "MC0104"),
        ("[" * 100 + "]" * 100, "MC0105"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_aliases_of_aliases_are_refused_before_they_are_written_out() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    assert codes("\n".join(lines)) == ["MC0105"]


def test_as_many_values_as_are_allowed_are_read() -> None:
    text = f"a: &a [{', '.join(['1'] * 499)}]\nb: [{', '.join(['*a'] * (MAX_ALIASED // 500))}]\n"
    assert len(read_documents(SourceText("x.yml", text))) == 1
    assert codes(text.replace("b: [", "b: [*a, ")) == ["MC0105"]
    assert len(read_documents(SourceText("x.yml", f"a: [{'1, ' * MAX_ALIASED}1]"))) == 1
