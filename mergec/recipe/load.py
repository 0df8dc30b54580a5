"""Stage 1: a recipe's text -> Recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import Label, MergecError, Report, SourceText, did_you_mean
from mergec.recipe.arithmetic import Arithmetic, parse_arithmetic
from mergec.recipe.errors import (
    BadName,
    MissingKey,
    NameTaken,
    UnreadableRecipe,
    WrongValue,
    WrongVersion,
)
from mergec.recipe.params import substitute
from mergec.recipe.place import TreePlace
from mergec.recipe.recipe_model import OutputSpec, RecipeSpec, SourceSpec
from mergec.recipe.validation import shown, validate
from mergec.recipe.yaml_tree import MAX_BYTES, YamlMapping, plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LANGUAGE_VERSION = 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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

    `folder` is what relative paths in the recipe are relative to.
    """

    folder: Path
    place: TreePlace
    sources: Mapping[str, SourceSpec]
    models: Mapping[str, ModelSpec]
    output: OutputSpec
    description: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)

    def source_place(self, name: str) -> TreePlace:
        """Where a source is written."""
        return self.place.child("sources").child(name)


def load_recipe(path: Path, overrides: Mapping[str, str], report: Report) -> Recipe:
    """Read and validate the recipe at `path`.

    Raises:
        MergecError: MC01xx, all that were found.
    """
    return parse_recipe(_read(path), path.parent, overrides, report)


def parse_recipe(source: SourceText, folder: Path, overrides: Mapping[str, str], report: Report) -> Recipe:
    """Validate a recipe given as text; relative paths in it are relative to `folder`.

    Raises:
        MergecError: MC01xx, all that were found.
    """
    tree = substitute(read_yaml(source), overrides, report)
    report.stop_on_error()
    place = TreePlace(tree)
    value = plain(tree)
    if not isinstance(tree, YamlMapping) or not isinstance(value, dict):
        problem = f"a recipe is a mapping with `mergec`, `sources` and `output`; found {shown(value)}"
        raise MergecError([WrongValue(span=tree.span, problem=problem)])
    if value.get("mergec", LANGUAGE_VERSION) != LANGUAGE_VERSION:
        span = place.child("mergec").span()
        raise MergecError([WrongVersion(span=span, found=str(value["mergec"]))])
    spec = validate(RecipeSpec, value, place, "the recipe", report)
    if spec is None:
        report.stop_on_error()
        raise AssertionError("validation failed without a diagnostic")
    _check_names(spec, place, report)
    models = {
        name: made
        for name, keys in spec.models.items()
        if (made := _model(name, keys, place.child("models").child(name), report)) is not None
    }
    report.stop_on_error()
    return Recipe(folder, place, spec.sources, models, spec.output, spec.description, spec.params)


def _read(path: Path) -> SourceText:
    def unreadable(problem: str, help_: str | None = None) -> MergecError:
        return MergecError([UnreadableRecipe(problem=f"{path}: {problem}", help=help_)])

    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        return SourceText(str(path), content.decode("utf-8-sig"))
    except FileNotFoundError:
        nearby = [str(p) for p in sorted(path.parent.glob("*.y*ml"))] if path.parent.is_dir() else []
        raise unreadable("no such file", did_you_mean(str(path), nearby)) from None
    except IsADirectoryError:
        raise unreadable("it is a directory", "name the recipe file inside it") from None
    except OSError as error:
        raise unreadable(error.strerror or "cannot be opened") from None
    except UnicodeDecodeError as error:
        raise unreadable(f"it is not UTF-8 text (byte {error.start})") from None


def _check_names(spec: RecipeSpec, place: TreePlace, report: Report) -> None:
    for what, group in (("source", "sources"), ("model", "models"), ("parameter", "params")):
        for name in getattr(spec, group):
            if not _NAME.fullmatch(name):
                fixed = re.sub(r"[^A-Za-z0-9_]", "_", name)
                help_ = f"call it `{fixed}`" if _NAME.fullmatch(fixed) else None
                span = place.child(group).key_span(name)
                report.add(BadName(span=span, name=name, what=what, help=help_))
    for name in spec.models:
        if name in spec.sources:
            first = Label(place.child("sources").key_span(name), "the source is defined here")
            span = place.child("models").key_span(name)
            report.add(NameTaken(span=span, name=name, others=(first,)))


def _model(name: str, keys: str | dict[str, object], place: TreePlace, report: Report) -> ModelSpec | None:
    if isinstance(keys, str):
        try:
            return ArithmeticSpec(name, parse_arithmetic(keys, place.span()), place)
        except MergecError as error:
            report.extend(error.diagnostics)
            return None
    operation = keys.get("op")
    if operation is None:
        help_ = "write `op: linear`, or another that `mergec methods` lists"
        report.add(MissingKey(span=place.span(), key="op", where=f"the model `{name}`", help=help_))
        return None
    if not isinstance(operation, str):
        problem = f"`op`: expected the name of an operation, found {shown(operation)}"
        report.add(WrongValue(span=place.child("op").span(), problem=problem))
        return None
    rest = {key: value for key, value in keys.items() if key != "op"}
    return OperationSpec(name, operation, rest, place)
