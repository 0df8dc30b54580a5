from __future__ import annotations

import pytest

from mergec.diagnostics import SourceText
from mergec.recipe.yaml_scalars import flow, quoted
from mergec.recipe.yaml_tree import plain, read_yaml


@pytest.mark.parametrize(
    "value",
    [
        *(
            "a",
            "no",
            "1",
            "1e-3",
            "",
            "~",
            "**.mlp.**",
            "re:^a[.]b$",
            "a: b",
            "#",
            "é",
            "\n",
            "\u2028",
            '"',
            "\\",
        ),
        *(0, -1, 0.1, 1e-30, 1e300, float("inf"), True, False, None),
        *([], {}, [1, [2, {"a": "b"}]], {"a": {"b: c": [None]}, "**": 0.5}),
    ],
)
def test_a_value_reads_as_itself(value: object) -> None:
    assert plain(read_yaml(SourceText("x", f"value: {flow(value)}"))) == {"value": value}


def test_words_stand_without_quotes() -> None:
    assert [quoted(text) for text in ("linear", "a/b.c", "true", "0x1")] == [
        "linear",
        "a/b.c",
        '"true"',
        '"0x1"',
    ]


def test_what_yaml_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="a set cannot"):
        flow([{1}])
