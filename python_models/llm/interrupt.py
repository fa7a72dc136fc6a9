"""Ctrl-C and SIGTERM: the first waits for the calls in flight, which are paid for; the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from python_models.llm.session import Session

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def gentle_interrupts(session: Session) -> Iterator[None]:
    """Within, an interrupt lets the calls in flight end; they are in the cache then. Only the main thread has signals.

    Raises:
        KeyboardInterrupt: after Ctrl-C.
        SystemExit: after SIGTERM, with the exit code 143.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    has_come = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal has_come
        error = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        n_in_flight = session.sender.n_in_flight if session.sender is not None else 0
        if has_come or session.sender is None or not n_in_flight:
            raise error
        has_come = True
        session.sender.interrupt(error)
        session.progress.say(
            f"{session.stage}: stopping; waiting for {n_in_flight} calls in flight, which are paid for. Once more "
            "stops at once."
        )

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
