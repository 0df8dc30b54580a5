"""What `mergec check` found out about one recipe, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import ExitCode, MergecError, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.diagnostics.file_place import in_a_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Diagnostic
    from mergec.symmetries.self_test.report import SymmetryReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRecipe:
    """A recipe that is sound, or the error that says why it is not, and what is merely odd.

    `tensors` and `sources` are counts, and 0 where there is an error.
    """

    path: Path
    warnings: tuple[Diagnostic, ...] = ()
    error: MergecError | None = None
    tensors: int = 0
    sources: int = 0
    tests: Sequence[SymmetryReport] = ()

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
    def text(self) -> str:
        """The line that says that the recipe is sound, and those of its tests."""
        plural = "" if self.sources == 1 else "s"
        line = f"{safe(self.path)}: ok, {self.tensors} tensors from {self.sources} source{plural}"
        if not self.tests:
            return line
        from mergec.cli.self_test_text import self_test_text  # other checks do without

        return "\n".join([line, *map(self_test_text, self.tests)])

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = [diagnostic_as_json(one) for one in self.diagnostics()]
        if self.error is not None:
            return {"diagnostics": found}
        document = {"tensors": self.tensors, "sources": self.sources, "diagnostics": found}
        if self.tests:
            from mergec.cli.self_test_text import self_test_document  # as above

            document["self_test"] = [self_test_document(one) for one in self.tests]
        return document
