"""What `mergec check` found out about one recipe, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.cli.recipe_findings import RecipeFindings
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.symmetries.self_test.report import SymmetryReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRecipe(RecipeFindings):
    """A recipe that is sound, or not: `tensors` and `sources` are counts, and 0 where there is an error."""

    tensors: int = 0
    sources: int = 0
    tests: Sequence[SymmetryReport] = ()

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
    def facts(self) -> Mapping[str, Any]:
        """The counts, and what the tests found."""
        found: dict[str, Any] = {"tensors": self.tensors, "sources": self.sources}
        if self.tests:
            from mergec.cli.self_test_text import self_test_document  # as above

            found["self_test"] = [self_test_document(one) for one in self.tests]
        return found
