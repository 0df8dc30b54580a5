"""All merge methods, found by walking this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

import mergec.methods
from mergec.methods.method import Method
from mergec.methods.method_operation import MethodOperation


@lru_cache(maxsize=1)
def methods() -> dict[str, MethodOperation]:
    """The operations of all methods, by name, in alphabetic order."""
    found: dict[str, MethodOperation] = {}
    for module_info in sorted(pkgutil.iter_modules(mergec.methods.__path__), key=lambda m: m.name):
        module = importlib.import_module(f"mergec.methods.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, Method):
                found[value.name] = MethodOperation(value)
    return dict(sorted(found.items()))
