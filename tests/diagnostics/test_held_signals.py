from __future__ import annotations

import signal
import threading

import pytest

from mergec.diagnostics.held_signals import signals_held


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_effect_at_the_end(number: signal.Signals) -> None:
    done: list[str] = []

    class Stopped(BaseException):
        pass

    def stop(_number: int, _frame: object) -> None:
        raise Stopped

    def work() -> None:
        with signals_held():
            signal.raise_signal(number)
            done.append("went on")

    before = signal.signal(number, stop)
    try:
        with pytest.raises(Stopped):
            work()
    finally:
        assert signal.signal(number, before) is stop
    assert done == ["went on"]


def test_ctrl_c_is_the_usual_exception() -> None:
    with pytest.raises(KeyboardInterrupt), signals_held():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_a_signal_nothing_happens() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signals_held():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_have_no_handlers_to_change() -> None:
    done: list[bool] = []

    def work() -> None:
        with signals_held():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
