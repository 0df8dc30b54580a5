"""All operations on whole models, found by walking this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

import mergec.steps
from mergec.steps.operation import Operation


@lru_cache(maxsize=1)
def steps() -> dict[str, Operation]:
    """The operations by name, in alphabetic order."""
    found: dict[str, Operation] = {}
    for module_info in sorted(pkgutil.iter_modules(mergec.steps.__path__), key=lambda m: m.name):
        module = importlib.import_module(f"mergec.steps.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Operation) and value is not Operation:
                found[value.name] = value()
    return dict(sorted(found.items()))
