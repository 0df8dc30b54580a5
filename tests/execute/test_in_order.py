from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mergec.execute.in_order import in_order


@pytest.mark.parametrize("count", [0, 1, 3, 50])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(in_order(pool, 3, lambda item: item * item, range(count))) == [
            i * i for i in range(count)
        ]


def test_no_more_are_begun_than_may_wait() -> None:
    begun: list[int] = []
    slow = threading.Event()

    def begin(item: int) -> int:
        begun.append(item)
        if item == 0:
            slow.wait(10)
        return item

    with ThreadPoolExecutor(3) as pool:
        found = in_order(pool, 3, begin, range(100))
        slow.set()
        for taken in range(10):
            assert next(found) == taken
            assert max(begun) < taken + 3


def test_what_goes_wrong_is_raised() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ZeroDivisionError):
        list(in_order(pool, 2, lambda item: 1 // item, [1, 0, 2]))
