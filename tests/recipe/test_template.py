from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.recipe.name_errors import PatternError
from mergec.recipe.pattern import CaptureKind
from mergec.recipe.template import Template

hostile = st.text(max_size=40) | st.text(alphabet="ab0.*()|[]{}:-+\\", max_size=40)


def test_templates_fill_in_captures() -> None:
    captures = {"i": CaptureKind.INT, "rest": CaptureKind.REST}
    values = {"i": "08", "rest": "attn.q"}

    def fill(text: str) -> str:
        return Template.parse(text, None, captures).fill(values)

    assert fill("model.layers.{i}.{rest}") == "model.layers.08.attn.q"
    assert fill("l.{i+16}.{rest}") == "l.24.attn.q"
    assert fill("l.{i-2}") == "l.6"
    assert fill("l.{i+0}") == "l.8"
    assert fill(r"w\{i\}\\") == "w{i}\\"
    with pytest.raises(PatternError) as caught:
        fill("l.{i-9}")
    assert [d.code for d in caught.value.diagnostics] == ["MC0124"]


@pytest.mark.parametrize(
    ("template", "code", "help_"),
    [
        ("", "MC0121", "new name"),
        ("a.*", "MC0121", "capture what it stands for"),
        ("a.{rest", "MC0121", r"\{"),
        ("a.{rest:**}", "MC0121", "{rest}"),
        ("a.{i*2}", "MC0121", "{i+16}"),
        ("a.[0]", "MC0121", "capture"),
        ("a\\", "MC0121", "backslash"),
        ("a.{res}", "MC0122", "did you mean `rest`?"),
        ("a.{rest+1}", "MC0123", "{rest:int}"),
    ],
)
def test_template_errors_say_what_to_do(template: str, code: str, help_: str) -> None:
    with pytest.raises(PatternError) as caught:
        Template.parse(template, None, {"i": CaptureKind.INT, "rest": CaptureKind.REST})
    (error,) = caught.value.diagnostics
    assert error.code == code
    assert help_ in (error.help or "")
    assert error.message


@given(hostile)
def test_any_text_is_a_template_or_a_diagnostic(text: str) -> None:
    try:
        template = Template.parse(text, None, {"a": CaptureKind.INT, "b": CaptureKind.REST})
        template.fill({"a": "1", "b": "x.y"})
    except PatternError as error:
        codes = {one.code for one in error.diagnostics}
    else:
        codes = set()
    assert codes <= {"MC0121", "MC0122", "MC0123", "MC0124"}
