"""Symmetry tables by name, from a file, or as they stand in a recipe."""

from __future__ import annotations

import stat
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, Report, SourceText, did_you_mean
from mergec.recipe.errors import EmptyRecipe
from mergec.recipe.pattern import CaptureKind
from mergec.recipe.place import TreePlace
from mergec.recipe.shown_value import shown
from mergec.recipe.validation import validate
from mergec.recipe.yaml_tree import MAX_BYTES, YamlMapping, plain, read_yaml
from mergec.symmetries.errors import BadTable, UnknownTable, UnreadableTable
from mergec.symmetries.extended import extended
from mergec.symmetries.group_names import check_names
from mergec.symmetries.table_reader import TableReader
from mergec.symmetries.table_spec import TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.diagnostics import Span
    from mergec.recipe.yaml_tree import YamlNode
    from mergec.symmetries.table_entries import Table

_FOLDER = files("mergec.symmetries") / "tables"
_ENDING = ".yaml"
_FILE_ENDINGS = (".yaml", ".yml")
_PATHS = "the path of a table ends in `.yaml` or `.yml`"
_LISTED = "`mergec explain symmetries` lists the tables"


def read_table(
    value: str | Mapping[str, object], place: TreePlace, folder: Path, report: Report
) -> Table | None:
    """The table that a recipe names, or that stands in it; None after reporting what is wrong.

    A text that ends in `.yaml` or `.yml` is a path, relative to `folder`.
    """
    if not isinstance(value, str):
        return _table("the recipe's own", value, place, report)
    if not value.endswith(_FILE_ENDINGS):
        return _named(value, place.span(), report)
    try:
        tree = _read(folder / value, value, place.span())
    except MergecError as error:
        report.extend(error.diagnostics)
        return None
    return _table(value, plain(tree), TreePlace(tree), report)


@cache
def built_in_names() -> tuple[str, ...]:
    """The names of mergec's own tables, sorted."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)))


def built_in_tables() -> dict[str, str]:
    """The names of mergec's own tables and what each is for, sorted by name."""
    return {name: built_in(name).summary for name in built_in_names()}


@cache
def built_in(name: str) -> Table:
    """One of `built_in_names`."""
    text = (_FOLDER / f"{name}{_ENDING}").read_text("utf-8")
    tree = read_yaml(SourceText(f"symmetry:{name}", text))
    report = Report()
    table = _table(name, plain(tree), TreePlace(tree), report, is_built_in=True)
    report.stop_on_error()
    if table is None:
        raise AssertionError("a table that is not read is reported")
    return table


def _named(name: str, span: Span, report: Report) -> Table | None:
    if name in built_in_names():
        return built_in(name)
    help_ = _PATHS if "/" in name else did_you_mean(name, built_in_names()) or _LISTED
    report.add(UnknownTable(span=span, name=name, help=help_))
    return None


def _table(
    name: str, value: object, place: TreePlace, report: Report, *, is_built_in: bool = False
) -> Table | None:
    if not isinstance(value, dict):
        problem = f"expected a mapping with `tensors`, found {shown(value)}"
        report.add(BadTable(span=place.span(), problem=problem))
        return None
    found = Report()
    spec = validate(TableSpec, value, place, "the symmetry table", found)
    table = None
    if spec is not None:
        last = dict.fromkeys(spec.last, CaptureKind.INT)
        table = TableReader(found, is_built_in, last).table(name, spec, place)
        if spec.extends is not None:
            base = _named(spec.extends, place.child("extends").span(), found)
            table = extended(table, base) if base is not None else None
        if table is not None and not found.diagnostics:
            check_names(spec, table, place, found)
    report.extend(found.diagnostics)
    return None if found.diagnostics else table


def _tree(source: SourceText) -> YamlNode:
    try:
        return read_yaml(source)
    except MergecError as error:
        # What is said of an empty file is about recipes.
        empty = (one.span for one in error.diagnostics if isinstance(one, EmptyRecipe))
        raise MergecError(
            [BadTable(span=span, problem="the file is empty") for span in empty] or error.diagnostics
        ) from None


def _read(path: Path, written: str, span: Span) -> YamlMapping:
    """The tree of a table's file.

    Raises:
        MergecError: MC0503, MC0504, or MC01xx for what is no YAML.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise MergecError([UnreadableTable(span=span, path=written, problem="it is no file")])
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else error.strerror or "not readable"
        raise MergecError([UnreadableTable(span=span, path=written, problem=problem)]) from None
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
        raise MergecError([UnreadableTable(span=span, path=written, problem=problem)]) from None
    except ValueError as error:  # a NUL in the path
        raise MergecError([UnreadableTable(span=span, path=written, problem=str(error))]) from None
    tree = _tree(SourceText(str(path), text))
    if not isinstance(tree, YamlMapping):
        problem = f"expected a mapping with `tensors`, found {shown(plain(tree))}"
        raise MergecError([BadTable(span=tree.span, problem=problem)])
    return tree
