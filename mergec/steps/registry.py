"""The operations on whole models, found by walking this package: a module is named after its operation."""

from __future__ import annotations

import importlib
import pkgutil

import mergec.steps
from mergec.steps.operation import Operation


def find_step(name: str) -> Operation | None:
    """The operation of this name; only its own module is imported."""
    if name not in {module.name for module in pkgutil.iter_modules(mergec.steps.__path__)}:
        return None
    for value in vars(importlib.import_module(f"mergec.steps.{name}")).values():
        if isinstance(value, type) and issubclass(value, Operation) and value is not Operation:
            return value()
    return None


def steps() -> dict[str, Operation]:
    """All operations on whole models by name, in alphabetic order."""
    names = sorted(module.name for module in pkgutil.iter_modules(mergec.steps.__path__))
    return {name: step for name in names if (step := find_step(name)) is not None}
