"""Calls of C that wait, in the main thread, so that signals (Ctrl-C) are handled at once.

Python runs a signal's handler in the main thread, and only between two of its instructions. A call of C in that thread
would delay it until the call returns. So another thread makes the call, and the main thread waits for it in Python.
Callbacks from C still run in the main thread: the other thread hands them over.
"""
import _thread
import contextlib
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

Work = Callable[[], Any]


class _Worker:
    """A thread that makes calls for the main thread, one at a time.

    The attributes have the call and its result; the queues only wake. A handler may raise when get() has returned, so
    that its item is lost.
    """

    def __init__(self) -> None:
        self.call: Work | None = None
        self.result: tuple[Any] | None = None  # of the call, when it has ended
        self.callback: Work | None = None  # for the main thread
        self.answer: Any = None  # of the callback
        self.to_worker: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.to_main: queue.SimpleQueue[None] = queue.SimpleQueue()
        _thread.start_new_thread(self._run, ())  # Thread.start() waits, and a handler that raises there breaks it

    def _run(self) -> None:
        _local.worker = self
        while True:
            self.to_worker.get()
            call, self.call = self.call, None
            if call is not None:
                self.result = (call(),)
                self.to_main.put(None)

    def take(self, call: Work) -> None:
        """Takes a call, which the thread makes when it is woken."""
        self.call, self.result = call, None

    def wait(self, seconds: float | None) -> None:
        """Waits in the main thread until there may be something to do."""
        with contextlib.suppress(queue.Empty):
            self.to_main.get(timeout=seconds)

    def in_main(self, callback: Work, failed: Any) -> Any:
        """Has the main thread run a callback, and returns its result, or `failed` if a handler prevented that."""
        self.answer, self.callback = failed, callback
        self.to_main.put(None)
        while self.callback is not None:
            self.to_worker.get()
        return self.answer


_local = threading.local()
_idle: list[_Worker] = []
os.register_at_fork(after_in_child=_idle.clear)  # a child has no such threads


def interruptible(call: Work, cancel: Callable[[], None]) -> Any:
    """Returns the result of a call of C that may wait. An exception of a signal's handler cancels the call."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    worker = _idle.pop() if _idle else _Worker()
    worker.take(call)
    raised: BaseException | None = None
    begun: Work | None = None
    while True:
        try:  # around the inner loop, because a handler may also run where a loop goes back
            while worker.result is None:
                if raised is not None:
                    cancel()  # again and again, because it has no effect before the call has begun
                callback = worker.callback
                if callback is not None:
                    if callback is not begun:  # never twice, for example a request to the service
                        begun = callback
                        worker.answer = callback()
                    worker.callback = None
                worker.to_worker.put(None)
                worker.wait(None if raised is None else 0.02)
            break
        except BaseException as error:
            raised = raised or error
    result, = worker.result
    _idle.append(worker)
    if raised is not None:
        raise raised
    return result


def in_calling_thread(callback: Work, failed: Any) -> Any:
    """Runs a callback from C in the thread that called the library. `failed` is what in_main() may return."""
    worker: _Worker | None = getattr(_local, "worker", None)
    return callback() if worker is None else worker.in_main(callback, failed)
