"""The merge methods, found by walking their package: a module is named after its method."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import mergec.methods.library
from mergec.methods.method import Method
from mergec.methods.method_operation import MethodOperation


@cache
def find_method(name: str) -> MethodOperation | None:
    """The operation of the method of this name; only its own module is imported."""
    if name not in method_names():
        return None
    for value in vars(importlib.import_module(f"mergec.methods.library.{name}")).values():
        if isinstance(value, Method) and value.name == name:  # it may build on another one
            return MethodOperation(value)
    return None


def method_names() -> list[str]:
    """The names of all methods, in alphabetic order."""
    return sorted(module.name for module in pkgutil.iter_modules(mergec.methods.library.__path__))


def methods() -> dict[str, MethodOperation]:
    """The operations of all methods by name, in alphabetic order."""
    return {name: found for name in method_names() if (found := find_method(name)) is not None}
