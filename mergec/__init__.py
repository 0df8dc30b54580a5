"""mergec, the compiler for model weights.

>>> import mergec
>>> mergec.load("recipe.yaml").build(out="build/merged")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.api import BuildResult, LoadedRecipe, load, verify
    from mergec.diagnostics import Diagnostic, MergecError
    from mergec.verification.verified import Verified

__version__ = "0.1.0"
__all__ = [
    "BuildResult",
    "Diagnostic",
    "LoadedRecipe",
    "MergecError",
    "Verified",
    "__version__",
    "load",
    "verify",
]

_HOMES = {
    "BuildResult": "mergec.api",
    "Diagnostic": "mergec.diagnostics",
    "LoadedRecipe": "mergec.api",
    "MergecError": "mergec.diagnostics",
    "Verified": "mergec.verification.verified",
    "load": "mergec.api",
    "verify": "mergec.api",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: `mergec --help` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # only this function needs it

    return getattr(importlib.import_module(_HOMES[name]), name)
