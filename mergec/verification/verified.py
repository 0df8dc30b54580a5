"""What a verification came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Diagnostic


class Finding(NamedTuple):
    """A file or tensor that is not as it should be: what it is, its name, and what is wrong with it."""

    kind: str  # "file", "tensor", "bytes" or "rebuilt"
    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """An output and what was held against what.

    `witnesses` are what was believed: the manifest, a lock, the recipe. `hashed` counts the tensors whose
    bytes were digested, `rebuilt` those that were computed again, of which `tolerated` are equal within
    a tolerance only. `merkle` is None where not all tensors were digested. `findings` tell what differs, all
    of it, and `diagnostics` the same for people, with what is merely odd.
    """

    path: Path
    tensors: int
    nbytes: int
    files: int
    witnesses: tuple[str, ...]
    hashed: int
    merkle: str | None
    rebuilt: int = 0
    tolerated: int = 0
    findings: tuple[Finding, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def is_as_promised(self) -> bool:
        """Whether nothing differs."""
        return all(one.severity is not Severity.ERROR for one in self.diagnostics)
