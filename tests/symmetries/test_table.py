from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mergec.diagnostics import Report, SourceText
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import read_yaml
from mergec.symmetries.table import built_in, built_in_names, built_in_tables, read_table
from tests.symmetries.reading import complaint, made, marked, read

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Diagnostic
    from mergec.symmetries.table_entries import Table


def named(value: str, folder: Path) -> tuple[Table | None, tuple[Diagnostic, ...]]:
    place = TreePlace(read_yaml(SourceText("recipe.yaml", f"symmetry: {value}"))).child("symmetry")
    report = Report()
    return read_table(value, place, folder, report), report.diagnostics


@pytest.mark.parametrize("name", built_in_names())
def test_tables_of_mergecs_own(name: str) -> None:
    table = built_in(name)
    assert table.is_built_in
    assert 20 < len(table.summary) < 160
    assert built_in_tables()[name] == table.summary


def test_a_table_by_name(tmp_path: Path) -> None:
    assert named("llama", tmp_path) == (built_in("llama"), ())
    table, (one,) = named("lama", tmp_path)
    assert table is None
    assert one.code == "MC0502"
    assert one.help == "did you mean `llama`?"
    assert marked(one) == "lama"
    _, (one,) = named("./llama", tmp_path)
    assert one.help == "the path of a table ends in `.yaml` or `.yml`"


def test_a_table_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    path = tmp_path / "tables" / "mine.yaml"
    path.write_text("tensors: {a: u _, b: _ u}")
    table, said = named("tables/mine.yaml", tmp_path)
    assert table is not None
    assert not table.is_built_in
    assert said == ()
    path.write_text("tensors: {a: u _, a: _ u}")
    table, (one,) = named("tables/mine.yaml", tmp_path)
    assert table is None
    assert one.code == "MC0102"
    assert one.span is not None
    assert one.span.source.name == str(path)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.yaml")
    table, (one,) = named("t.yaml", tmp_path)
    assert table is None
    assert one.message == "the symmetry table `t.yaml` cannot be read: it is no file"


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, "MC0503", "no such file"),
        (b"\xff\xfe", "MC0503", "it is not UTF-8 text"),
        (b"", "MC0504", "the file is empty"),
        (b"# nothing", "MC0504", "the file is empty"),
        (b"[1, 2]", "MC0504", "expected a mapping with `tensors`, found a list"),
        (b"tensors: 'a", "MC0101", "never closed"),
        (b"tensor: {a: u}", "MC0110", "unknown key `tensor`"),
    ],
)
def test_files_that_hold_no_table(tmp_path: Path, content: bytes | None, code: str, text: str) -> None:
    if content is not None:
        (tmp_path / "t.yaml").write_bytes(content)
    table, (one,) = named("t.yaml", tmp_path)
    assert table is None
    assert one.code == code
    assert text in one.message


@pytest.mark.parametrize(
    ("text", "code", "mark"),
    [
        ("tensors: {a: {}, b: true}", "MC0504", "true"),
        ("tensors: {b: 0.5}", "MC0504", "0.5"),
        ("tensors: {b: []}", "MC0504", "[]"),
        ("tensors: {b: [[u]]}", "MC0504", "[u]"),
        ("tensors: {b: }", "MC0504", None),
        ("tensors: {'a(': u}", "MC0120", "("),
        ("tensors: {'a, b(, c': u}", "MC0120", "("),
        ("tensors: {a: u (v}", "MC0501", "("),
        ("tensors: {'x.{i:int}': 'S{j}'}", "MC0122", "{j}"),
        ("tensors: {'x.{i}': 'S{i-1}'}", "MC0123", "{i-1}"),
        ("sizes: {kv: 1 +}", "MC0505", "1 +"),
        ("sizes: {kv: [1]}", "MC0112", "[1]"),
        ("last: {top: 'l.*'}", "MC0504", "'l.*'"),
        ("last: {top: 'l.{a:int}.{b:int}'}", "MC0504", "'l.{a:int}.{b:int}'"),
        ("tied: [[a, b, c]]", "MC0504", "[a, b, c]"),
        ("tied: [['{x}.a', '{y}.b']]", "MC0122", "{y}"),
        ("tied: [{names: [a, b], when: a b}]", "MC0505", "a b"),
        ("equal: [{groups: [a], unles: b}]", "MC0110", "unles"),
        ("extends: bart", "MC0502", "bart"),
        ("chain: '{'", "MC0120", "{"),
        ("fixed: ['**.{']", "MC0120", "{"),
    ],
)
def test_mistakes_in_a_table(text: str, code: str, mark: str | None) -> None:
    one = complaint(text, {})
    assert one.code == code
    assert mark is None or marked(one) == mark


def test_all_mistakes_are_told_at_once() -> None:
    _, said = read("tensors: {a: u (, 'b(': u}\nsizes: {x: +}\nfixed: ['[']")
    assert [one.code for one in said] == ["MC0120", "MC0501", "MC0120", "MC0505"]


def test_patterns_with_commas_between_them() -> None:
    found = made(
        'tensors: {"a.(x|y), b{n:int}.x,c\\\\,d": u _, "e": _ u}',
        {"a.x": (3, 2), "a.y": (3, 2), "b1.x": (3, 2), "c,d": (3, 2), "e": (2, 3)},
    )
    assert found.symmetry is not None
    assert len(found.symmetry.tensors) == 5
    assert made('tensors: {"re:^a{1,2}$": u _, "e": _ u}', {"aa": (3, 2), "e": (2, 3)}).groups


def test_a_table_that_extends_another() -> None:
    text = """
        extends: mlp
        summary: mine
        tensors: {"0.weight": u 3, "2.weight": _ u}
    """
    table, said = read(text)
    assert table is not None, said
    assert table.summary == "mine"
    assert not table.is_built_in
    found = made(
        text, {"0.weight": (5, 3), "2.weight": (4, 5), "net.0.weight": (3, 3), "net.1.weight": (3, 3)}
    )
    assert list(found.groups) == ["u", "net.0/units"]
    # What the base says need not be there; what the table itself says must.
    assert complaint(text, {"0.weight": (5, 3)}).code == "MC0125"


def test_sizes_of_an_extending_table_count() -> None:
    table, _ = read("extends: llama\nsizes: {kv: 3}")
    base = built_in("llama")
    assert table is not None
    assert table.sizes.keys() == base.sizes.keys()
    assert table.sizes["kv"] is not base.sizes["kv"]
    assert table.entries == base.entries
