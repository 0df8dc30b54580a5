from __future__ import annotations

from mergec.diagnostics import Diagnostic, Label, Severity, SourceText, Span
from mergec.diagnostics.render import MOST_SHOWN, render, render_plain
from mergec.diagnostics.shown_line import LONGEST
from mergec.recipe.errors import DuplicateKey, UnknownKey, UnknownParam, UnusedParam, WrongValue

RECIPE = SourceText(
    "recipe.yaml",
    "mergec: 1\nsources:\n  base: b.safetensors\n  base: c.safetensors\n\twight: 1\n  模型: x, wight: 2\n",
)


def at(line: int, column: int, end_column: int, source: SourceText = RECIPE) -> Span:
    return Span(source, line, column, end_column)


def unknown(span: Span | None = None, **fields: object) -> UnknownKey:
    return UnknownKey(key="wight", where="the recipe", span=span, **fields)  # type: ignore[arg-type]


def test_one_span_with_a_label_and_a_help() -> None:
    found = unknown(at(3, 3, 7), label="here", help="did you mean `weight`?")
    assert render_plain([found]) == (
        "error[MC0110]: unknown key `wight` in the recipe\n"
        " --> recipe.yaml:3:3\n"
        "  |\n"
        "3 |   base: b.safetensors\n"
        "  |   ^^^^ here\n"
        "help: did you mean `weight`?\n"
        "\n"
        "1 error; `mergec explain MC0110` says more\n"
    )


def test_two_sites_are_shown_in_the_order_of_the_text() -> None:
    found = DuplicateKey(key="base", span=at(4, 3, 7), others=(Label(at(3, 3, 7), "first written here"),))
    assert render_plain([found]) == (
        "error[MC0102]: the key `base` is written twice\n"
        " --> recipe.yaml:4:3\n"
        "  |\n"
        "3 |   base: b.safetensors\n"
        "  |   ---- first written here\n"
        "4 |   base: c.safetensors\n"
        "  |   ^^^^\n"
        "\n"
        "1 error; `mergec explain MC0102` says more\n"
    )


def test_lines_between_two_sites_are_left_out() -> None:
    found = DuplicateKey(key="base", span=at(4, 3, 7), others=(Label(at(1, 1, 7), "first"),))
    assert "1 | mergec: 1\n  | ------ first\n...\n4 |   base" in render_plain([found])


def test_a_second_site_in_another_text_has_a_place_of_its_own() -> None:
    other = SourceText("table.yaml", "a: 1\n")
    found = DuplicateKey(key="base", span=at(4, 3, 7), others=(Label(at(1, 1, 2, other), "there"),))
    text = render_plain([found])
    assert " --> recipe.yaml:4:3\n" in text
    assert " ::: table.yaml:1:1\n  |\n1 | a: 1\n  | - there\n" in text
    assert text.index("-->") < text.index(":::")


def test_notes_stand_in_the_margin() -> None:
    found = unknown(at(3, 3, 7), notes=("one", "two"))
    assert "  |   ^^^^\n  |\n  = note: one\n  = note: two\n" in render_plain([found])


def test_without_a_place_there_is_no_arrow() -> None:
    found = UnknownParam(name="alpah", help="did you mean `alpha`?", notes=("from --set",))
    assert render_plain([found]) == (
        "error[MC0114]: the parameter `alpah` is not defined\n"
        "  = note: from --set\n"
        "help: did you mean `alpha`?\n"
        "\n"
        "1 error; `mergec explain MC0114` says more\n"
    )


def test_tabs_become_spaces_and_the_mark_stays_below_its_text() -> None:
    assert "5 |     wight: 1\n  |     ^^^^^\n" in render_plain([unknown(at(5, 2, 7))])


def test_wide_characters_count_two_cells() -> None:
    assert "6 |   模型: x, wight: 2\n  |   ^^^^\n" in render_plain([unknown(at(6, 3, 5))])
    assert "6 |   模型: x, wight: 2\n  |            ^^^^^\n" in render_plain([unknown(at(6, 10, 15))])


def test_a_mark_past_the_end_of_the_line_is_one_cell() -> None:
    assert "1 | mergec: 1\n  |          ^\n" in render_plain([unknown(at(1, 40, 50))])


def test_the_margin_is_as_wide_as_the_largest_line_number() -> None:
    source = SourceText("r.yaml", "\n" * 99 + "wight: 1\n")
    found = unknown(at(100, 1, 6, source))
    assert "   --> r.yaml:100:1\n    |\n100 | wight: 1\n    | ^^^^^\n" in render_plain([found])


def test_a_long_line_is_shown_around_its_mark() -> None:
    source = SourceText("r.yaml", "a" * 500 + "WRONG" + "b" * 500)
    lines = render_plain([unknown(at(1, 501, 506, source))]).splitlines()
    shown, mark = lines[3].removeprefix("1 | "), lines[4].removeprefix("  | ")
    assert shown.startswith("...a")
    assert shown.endswith("b...")
    assert len(shown) <= LONGEST + 6
    assert shown[mark.index("^") : mark.rindex("^") + 1] == "WRONG"


def test_a_mark_longer_than_the_window_is_cut_with_it() -> None:
    source = SourceText("r.yaml", "x: " + "a" * 1000)
    lines = render_plain([unknown(at(1, 4, 1004, source))]).splitlines()
    assert lines[4].count("^") == LONGEST


def test_two_marks_far_apart_on_a_long_line_each_get_a_window() -> None:
    source = SourceText("r.yaml", "FIRST" + "a" * 500 + "SECOND")
    found = DuplicateKey(key="k", span=at(1, 506, 512, source), others=(Label(at(1, 1, 6, source), "first"),))
    text = render_plain([found])
    assert "1 | FIRSTa" in text
    assert "aSECOND\n" in text
    assert "  | ----- first\n" in text


def test_hostile_names_cannot_reach_the_terminal() -> None:
    source = SourceText("re\x1b]0;cipe.yaml", "k\x1b[31mey\u202e: [/red]\n")
    found = UnknownKey(
        key="\x1b[2J[bold]",
        where="it",
        span=at(1, 1, 2, source),
        label="\x07",
        help="\x1b[1m",
        notes=("a\nb",),
        others=(Label(at(1, 13, 17, source), "\x9b"),),
    )
    text = render([found])
    assert text.plain.replace("\n", "").isprintable()
    assert "[bold]" in text.plain
    assert "[/red]" in text.plain
    assert r"a\nb" in text.plain


def test_in_order_of_place_with_those_about_no_place_first() -> None:
    found = [unknown(at(4, 1, 2)), unknown(at(3, 5, 6)), UnknownParam(name="x"), unknown(at(3, 2, 3))]
    text = render_plain(found)
    places = [text.index(mark) for mark in ("MC0114", ":3:2", ":3:5", ":4:1")]
    assert places == sorted(places)
    assert text.endswith("\n4 errors; `mergec explain MC0114` says more\n")


def test_warnings_alone_need_no_summary() -> None:
    text = render_plain([UnusedParam(name="a", span=at(1, 1, 2))])
    assert text.startswith("warning[MC0115]: ")
    assert text.endswith("  | ^\n")


def test_errors_and_warnings_are_counted() -> None:
    found = [UnusedParam(name="a"), unknown(), UnusedParam(name="b")]
    assert render_plain(found).endswith("1 error and 2 warnings; `mergec explain MC0110` says more\n")


def test_of_many_the_first_are_shown_and_errors_before_warnings() -> None:
    found: list[Diagnostic] = [UnusedParam(name=str(n), span=at(1, 1, 2)) for n in range(10)]
    found += [WrongValue(problem=f"number {n}", span=at(2, n + 1, n + 2)) for n in range(MOST_SHOWN + 3)]
    text = render_plain(found)
    assert text.count("error[") == MOST_SHOWN
    assert "warning[" not in text
    assert "\nand 13 more\n" in text
    assert "53 errors and 10 warnings;" in text


def test_nothing_is_nothing() -> None:
    assert render_plain([]) == ""


def test_colours_follow_the_severity() -> None:
    styles = {str(span.style) for span in render([unknown(at(1, 1, 2))]).spans}
    assert "bold red" in styles
    assert "bold yellow" not in styles
    assert UnusedParam.severity is Severity.WARNING
