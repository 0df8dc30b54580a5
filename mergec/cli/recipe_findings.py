"""What a command found out about each of several recipes, told in every format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergec.cli.annotations import print_annotations, print_sarif
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import ExitCode, MergecError
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.diagnostics.file_place import in_a_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.cli.settings import Settings
    from mergec.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFindings(ABC):
    """A recipe with which all is well, or the error that says why not, and what is merely odd.

    `text` is what people are told of a recipe with which all is well, and `facts` what machines are.
    """

    path: Path
    warnings: tuple[Diagnostic, ...] = ()
    error: MergecError | None = None

    @property
    @abstractmethod
    def text(self) -> str:
        """One line, or several."""

    @property
    @abstractmethod
    def facts(self) -> Mapping[str, Any]:
        """Entries for a JSON document."""

    @property
    def exit_code(self) -> ExitCode:
        """What the run would end with if this were the only recipe."""
        return ExitCode.DONE if self.error is None else self.error.exit_code

    def diagnostics(self, *, has_warnings: bool = True) -> tuple[Diagnostic, ...]:
        """All that was found; without `has_warnings`, only what led to an error."""
        warnings = self.warnings if has_warnings else ()
        return (*warnings, *(self.error.diagnostics if self.error is not None else ()))

    def in_files(self, *, has_warnings: bool = True) -> list[Diagnostic]:
        """The same, each at a place in a file: at the top of the recipe where there is no better one."""
        found = self.diagnostics(has_warnings=has_warnings)
        return [in_a_file(one, self.path, Path.cwd()) for one in found]

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = {"diagnostics": [diagnostic_as_json(one) for one in self.diagnostics()]}
        return found if self.error is not None else {**self.facts, **found}


def print_one(found: RecipeFindings, settings: Settings) -> None:
    """What can be said of a recipe before the others are known."""
    if settings.format in {"json", "sarif"}:
        return
    has_warnings = not settings.is_quiet
    if settings.format == "github":
        print_annotations(found.in_files(has_warnings=has_warnings))
    else:
        print_diagnostics(found.diagnostics(has_warnings=has_warnings), settings)
    if found.error is None:
        # No name of a recipe may begin a line that a workflow takes for a command.
        print_result(f"mergec: {found.text}" if settings.format == "github" else found.text)


def print_all(found: Sequence[RecipeFindings], settings: Settings) -> ExitCode:
    """One document about all recipes; about a single one, without a list around it. The worst exit code."""
    worst = max(one.exit_code for one in found)
    if settings.format == "sarif":
        print_sarif([finding for one in found for finding in one.in_files()], worst)
    elif settings.format == "json" and len(found) == 1:
        print_document(found[0].document)
    elif settings.format == "json":
        told = [{"recipe": str(one.path), "exit_code": int(one.exit_code), **one.document} for one in found]
        print_document({"recipes": told})
    return worst
