"""How a stage stops: it collects what it finds, then raises all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics.diagnostic import Diagnostic, ExitCode, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable


class MergecError(Exception):
    """A user's mistake or a fact of the world that stops the work; `diagnostics` says which.

    Raised by every public function of mergec. It holds at least one error, and any warnings
    that were found before it.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Hold these diagnostics, which must include an error."""
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.errors))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the first error: what came first usually caused the rest."""
        return self.errors[0].exit_code


class Report:
    """The diagnostics found so far in one run of the pipeline."""

    def __init__(self) -> None:
        """Start with nothing to report."""
        self._found: dict[Diagnostic, None] = {}

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that was added, in order."""
        return tuple(self._found)

    def has_errors(self) -> bool:
        """Whether an error is among them."""
        return any(d.severity is Severity.ERROR for d in self._found)

    def add(self, diagnostic: Diagnostic) -> None:
        """Remember one; the same finding twice is kept once."""
        self._found.setdefault(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Remember several, such as those of an error that is not to stop the stage yet."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def stop_on_error(self) -> None:
        """Raise everything found so far if any of it is an error.

        Raises:
            MergecError: when an error was added.
        """
        if self.has_errors():
            raise MergecError(self._found)
