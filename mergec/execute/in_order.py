"""Work shared out among threads, whose results come in order and are not kept."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_order(
    pool: Executor, most: int, function: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[_Result]:
    """What a function makes of the items, in their order.

    At most `most` results are being made, or lie ready until those before them are there; `Executor.map`
    would make all of them at once, however large they are.
    """
    begun: deque[Future[_Result]] = deque()
    for item in items:
        if len(begun) == most:
            yield begun.popleft().result()
        begun.append(pool.submit(function, item))
    while begun:
        yield begun.popleft().result()
