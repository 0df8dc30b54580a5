"""Every diagnostic there is, also of stages that this run has no use for."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import mergec
from mergec.diagnostics import registered_diagnostics

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic


def all_codes() -> dict[str, type[Diagnostic]]:
    """The diagnostics by code, in order. They live in modules named `errors` or `..._errors`."""
    importlib.import_module("mergec.diagnostics.internal")
    for package in pkgutil.iter_modules(mergec.__path__):
        # Walking the packages would import them all, torch with them.
        folders = [str(Path(root) / package.name) for root in mergec.__path__]
        for module in pkgutil.iter_modules(folders) if package.ispkg else ():
            if module.name.endswith("errors"):
                importlib.import_module(f"mergec.{package.name}.{module.name}")
    return registered_diagnostics()
