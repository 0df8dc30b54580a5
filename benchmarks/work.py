"""What is measured: one table row each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.account import Account
from benchmarks.measure import Command
from benchmarks.place import Place
from benchmarks.targets import Target

Pair: TypeAlias = tuple[Command, Command | None]


@dataclass(frozen=True)
class Work:
    """One row: what is done, by whom else, and what was promised. A title may hold the models' `{size}`.

    `account` finds out what the time goes into once it was measured. `needs_peer`: it is only run by default
    where the peer is, which is not fetched.
    """

    key: str
    title: str
    peer: str | None
    target: Target | None
    prepare: Callable[[Place], Pair]
    by_default: bool = True
    account: Callable[[Place], Account] | None = None
    needs_peer: bool = False
