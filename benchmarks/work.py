"""What is measured: one table row each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.measure import Command
from benchmarks.place import Place
from benchmarks.targets import Target

Pair: TypeAlias = tuple[Command, Command | None]


@dataclass(frozen=True)
class Work:
    """One row: what is done, by whom else, and what was promised. A title may hold the models' `{size}`.

    `account` tells more about it once it was measured, for the page.
    """

    key: str
    title: str
    peer: str | None
    target: Target | None
    prepare: Callable[[Place], Pair]
    by_default: bool = True
    account: Callable[[Place], str] | None = None
