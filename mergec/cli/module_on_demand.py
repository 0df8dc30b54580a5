"""Modules that are loaded when something in them is asked for, and not when they are imported."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


def load_on_demand(name: str) -> None:
    """Have every `import` of a module put off what it costs until somebody needs what it holds.

    This is for modules at the end of what a library imports, which it needs for some of its users only.
    """
    sys.modules.setdefault(name, _OnDemand(name))


class _OnDemand(ModuleType):
    """Stands for a module. Python asks for names with two underscores itself: they load nothing."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)
