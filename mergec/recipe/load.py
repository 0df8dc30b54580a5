"""Stage 1: a recipe's text -> Recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mergec.diagnostics import Label, MergecError, Report, SourceText, Span, did_you_mean
from mergec.recipe.arithmetic import Arithmetic, parse_arithmetic
from mergec.recipe.errors import (
    BadName,
    MissingKey,
    NameTaken,
    UnknownKey,
    UnreadableRecipe,
    WrongValue,
    WrongVersion,
)
from mergec.recipe.params import is_unresolved, substitute
from mergec.recipe.place import TreePlace
from mergec.recipe.recipe_model import OutputSpec, PluginSpec, RecipeSpec, SourceSpec
from mergec.recipe.shown_value import shown
from mergec.recipe.validation import validate
from mergec.recipe.yaml_tree import MAX_BYTES, YamlMapping, plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LANGUAGE_VERSION = 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What other tools call the key `op`.
_MEANT_OP = {"operation", "method", "merge_method", "ops", "type"}


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """A model made by an operation: its keys are validated by the operation itself."""

    name: str
    operation: str
    keys: Mapping[str, object]
    place: TreePlace


@dataclass(frozen=True, slots=True)
class ArithmeticSpec:
    """A model written as arithmetic."""

    name: str
    expression: Arithmetic
    place: TreePlace


ModelSpec = OperationSpec | ArithmeticSpec


@dataclass(frozen=True, slots=True)
class Recipe:
    """A valid recipe: names are good, keys are known, nothing outside the text has been looked at.

    `folder` is what relative paths in the recipe are relative to. `allows_plugins` says that the user lets
    the files of `plugins` be run.
    """

    folder: Path
    place: TreePlace
    sources: Mapping[str, SourceSpec]
    models: Mapping[str, ModelSpec]
    output: OutputSpec
    description: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    plugins: Sequence[PluginSpec] = ()
    allows_plugins: bool = False

    def source_place(self, name: str) -> TreePlace:
        """Where a source is written."""
        return self.place.child("sources").child(name)

    def file_givers(self) -> list[tuple[str, TreePlace]]:
        """What the output's files are copied from, the first one first, and where each is written."""
        given, place = self.output.copy_files_from, self.place.child("output").child("copy_files_from")
        if isinstance(given, list):
            return [(name, place.child(index)) for index, name in enumerate(given)]
        return [(given, place)] if given is not None else []


def load_recipe(
    path: Path, overrides: Mapping[str, str], report: Report, *, allow_plugins: bool = False
) -> Recipe:
    """Read and validate the recipe at `path`.

    Raises:
        MergecError: MC01xx, all that were found.
    """
    recipe = parse_recipe(read_text(path), path.parent, overrides, report)
    return replace(recipe, allows_plugins=allow_plugins)


def parse_recipe(source: SourceText, folder: Path, overrides: Mapping[str, str], report: Report) -> Recipe:
    """Validate a recipe given as text; relative paths in it are relative to `folder`.

    Raises:
        MergecError: MC01xx, all that were found.
    """
    tree = substitute(read_yaml(source), overrides, report)
    place = TreePlace(tree)
    value = plain(tree)
    if not isinstance(tree, YamlMapping) or not isinstance(value, dict):
        problem = f"a recipe is a mapping with `mergec`, `sources` and `output`; found {shown(value)}"
        help_ = "a recipe starts with `mergec: 1`; see `mergec explain recipe`"
        raise MergecError([WrongValue(span=tree.span, problem=problem, help=help_)])
    version = value.get("mergec")
    if isinstance(version, int | float) and not isinstance(version, bool) and version != LANGUAGE_VERSION:
        # Another version has other rules: nothing else can be said about the recipe.
        raise MergecError([WrongVersion(span=place.child("mergec").span(), found=str(version))])
    spec = validate(RecipeSpec, value, place, "the recipe", report)
    if spec is None:
        report.stop_on_error()
        raise AssertionError("validation failed without a diagnostic")
    bad_names = _check_names(spec, place, report)
    models = {
        name: made
        for name, keys in spec.models.items()
        if (made := _model(name, keys, place.child("models").child(name), bad_names, report)) is not None
    }
    report.stop_on_error()
    return Recipe(
        folder, place, spec.sources, models, spec.output, spec.description, spec.params, spec.plugins
    )


def read_text(path: Path) -> SourceText:
    """The text of the file at `path`, up to a little more than a recipe may have.

    Raises:
        MergecError: MC0107.
    """

    def unreadable(problem: str, advice: str | None = None, span: Span | None = None) -> MergecError:
        return MergecError([UnreadableRecipe(span=span, path=str(path), problem=problem, help=advice)])

    content = b""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        return SourceText(str(path), content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise unreadable("no such file", _nearby(path)) from None
    except IsADirectoryError:
        inside = sorted(path.glob("*.y*ml"))
        meant = f"did you mean `{inside[0]}`?" if inside else "name the recipe file inside it"
        raise unreadable("it is a directory", meant) from None
    except OSError as error:
        advice = "make it readable for this user" if isinstance(error, PermissionError) else None
        raise unreadable(error.strerror or "cannot be opened", advice) from None
    except UnicodeDecodeError as error:
        text = content.decode("utf-8", "replace")
        before = content[: error.start].decode("utf-8").splitlines(keepends=True) or [""]
        line = len(before) + before[-1].endswith("\n")
        column = 1 if before[-1].endswith("\n") else len(before[-1]) + 1
        span = Span(SourceText(str(path), text), line, column, column + 1)
        raise unreadable("it is not UTF-8 text", "save it as UTF-8", span) from None
    except ValueError as error:  # a NUL in the path
        raise unreadable(str(error)) from None


def _nearby(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder `{folder}` does not exist"
    present = [str(one) for one in sorted(folder.glob("*.y*ml"))]
    return did_you_mean(str(path), present) or (f"there is `{present[0]}`" if len(present) == 1 else None)


def _check_names(spec: RecipeSpec, place: TreePlace, report: Report) -> list[str]:
    """The names that cannot be names; reports them, and those that are given twice."""
    bad: list[str] = []
    for what, group in (("source", "sources"), ("model", "models"), ("parameter", "params")):
        for name in getattr(spec, group):
            if not _NAME.fullmatch(name):
                fixed = re.sub(r"[^A-Za-z0-9_]", "_", name)
                help_ = f"call it `{fixed if _NAME.fullmatch(fixed) else '_' + fixed}`"
                bad.append(name)
                span = place.child(group).key_span(name)
                report.add(BadName(span=span, name=name, what=what, help=help_))
    for name in spec.models:
        if name in spec.sources:
            first = Label(place.child("sources").key_span(name), "the source is defined here")
            span = place.child("models").key_span(name)
            help_ = "give the model another name"
            report.add(NameTaken(span=span, name=name, others=(first,), help=help_))
    return bad


def _model(
    name: str, keys: str | dict[str, object], place: TreePlace, bad_names: list[str], report: Report
) -> ModelSpec | None:
    if isinstance(keys, str):
        try:
            return ArithmeticSpec(name, parse_arithmetic(keys, place.span()), place)
        except MergecError as error:
            # What has been reported already makes no sense in arithmetic either.
            if not is_unresolved(keys) and not any(bad in keys for bad in bad_names):
                report.extend(error.diagnostics)
            return None
    operation = keys.get("op")
    if operation is None:
        help_ = "write `op: linear`, or another that `mergec methods` lists"
        meant = next((key for key in keys if key in _MEANT_OP), None)
        where = f"the model `{name}`"
        if meant is not None:
            span = place.key_span(meant)
            report.add(UnknownKey(span=span, key=meant, where=where, help="did you mean `op`?"))
            return None
        models = TreePlace(place.root, place.path[:-1])
        report.add(MissingKey(span=models.key_span(name), key="op", where=where, help=help_))
        return None
    if not isinstance(operation, str):
        problem = f"`op`: expected the name of an operation, found {shown(operation)}"
        report.add(WrongValue(span=place.child("op").span(), problem=problem))
        return None
    rest = {key: value for key, value in keys.items() if key != "op"}
    return OperationSpec(name, operation, rest, place)
