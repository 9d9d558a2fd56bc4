"""Calls of C that wait, in the main thread, so that signals (Ctrl-C) are handled at once.

Python runs a signal's handler in the main thread, and only between two of its instructions. A call of C in that thread
would delay it until the call returns. So another thread makes the call, and the main thread waits for it in Python.
Callbacks from C still run in the main thread: the other thread hands them over.
"""
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

Work = Callable[[], Any]


class _Worker:
    """A thread that makes calls for the main thread, one at a time. `to_main` has what the main thread must do next."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.to_main: queue.SimpleQueue[tuple[Work | None, Any]] = queue.SimpleQueue()
        self.from_main: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="locksync", daemon=True).start()

    def _run(self) -> None:
        _local.worker = self
        while True:
            self.to_main.put((None, self.calls.get()()))

    def in_main(self, callback: Work) -> Any:
        """Has the main thread run a callback, and returns its result."""
        self.to_main.put((callback, None))
        return self.from_main.get()


_local = threading.local()
_idle: list[_Worker] = []
os.register_at_fork(after_in_child=_idle.clear)  # a child has no such threads


def interruptible(call: Work, cancel: Callable[[], None]) -> Any:
    """Returns the result of a call of C that may wait. An exception of a signal's handler cancels the call."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    worker = _idle.pop() if _idle else _Worker()
    raised: BaseException | None = None
    try:
        worker.calls.put(call)
    except BaseException as error:  # a signal's handler ran when put() had returned
        raised = error
    while True:
        try:
            if raised is not None:
                cancel()  # again and again, because it has no effect before the call has begun
            callback, result = worker.to_main.get(timeout=None if raised is None else 0.02)
            if callback is None:
                break
            worker.from_main.put(callback())
        except queue.Empty:
            pass
        except BaseException as error:
            raised = raised or error
    _idle.append(worker)
    if raised is not None:
        raise raised
    return result


def in_calling_thread(callback: Work) -> Any:
    """Runs a callback from C in the thread that called the library."""
    worker: _Worker | None = getattr(_local, "worker", None)
    return callback() if worker is None else worker.in_main(callback)
