"""The pool: many accounts in asyncio's event loop."""
import asyncio
import collections
import functools
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import _capi
from ._capi import Status
from ._errors import LockSyncError, failure
from ._handle import Handle, made
from ._library import lib
from ._records import Changes, Directory, Results, directory_taken, results_taken, watched
from ._values import ids_of, integer
from ._watch import WatchState

if TYPE_CHECKING:
    from ._context import Context

T = TypeVar("T")
Outcome = Any  # a value, or an exception to raise


def _outcome(context: "Context", status: int, take: Callable[[], Any]) -> Outcome:
    try:
        context._check(status)
        return take()
    except BaseException as error:
        return error


def _value(outcome: Outcome) -> Any:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


class AsyncWatch(WatchState):
    """An asynchronous iterator over Changes. The first reports all locks as added.

    It polls and continues after temporary errors as Watch does. It raises other errors; the next call continues. A call
    that is cancelled, for example by asyncio.wait_for(), loses no change. The watch ends when it is closed or dropped,
    at the latest with its pool. Until then its context is busy.
    """

    def __init__(self, pool: "Pool", context: "Context", ids: Iterable[int] | None,
                 serial_numbers: Iterable[str] | None, directory: Directory | bool, interval: float) -> None:
        this = weakref.ref(self)

        def report(_user: Any, handle: Any, status: int, changes: Any) -> None:
            watch = this()
            if watch is not None:
                watch._report(handle, status, changes)

        callback = _capi.WatchFn(report)
        is_freed = False

        def free_now(handle: Any) -> None:
            nonlocal is_freed
            if not is_freed:
                is_freed = True
                lib.watch_free(handle)
                context._pooled.pop(id(callback), None)
                if not pool._loop.is_closed():
                    pool._loop.call_soon(id, callback)  # keeps it, because this may be a part of its call

        def free(handle: Any) -> None:
            is_later = context._callbacks.is_inside and not pool._loop.is_closed()
            if is_later or pool._is_elsewhere():  # the garbage collector runs anywhere
                pool._loop.call_soon_threadsafe(free_now, handle)
            else:
                free_now(handle)

        self._outcomes: collections.deque[Outcome] = collections.deque()
        self._arrived = asyncio.Event()
        self._is_over = False
        self._pool = pool
        with context._using():
            super().__init__(context, ids, serial_numbers, directory, interval, free)
            context._pooled[id(callback)] = pool, functools.partial(free_now, self._handle)
            pool._watches.add(self)
            try:
                context._check(lib.pool_watch(pool._handle, self._handle, callback, None))
            except BaseException:
                self._close()
                raise

    def _report(self, handle: Any, status: int, changes: Any) -> None:
        outcome = _outcome(self._context, status, lambda: watched(handle, changes))
        if isinstance(outcome, Exception) and self._outcomes and isinstance(self._outcomes[-1], Exception):
            self._outcomes.pop()  # an error that lasts is raised once
        self._outcomes.append(outcome)
        self._arrived.set()

    async def wait(self, timeout: float | None = None) -> Changes | None:
        """Returns the next changes, or None at the timeout in seconds. Context.cancel() ends it."""
        if not self._outcomes:
            try:
                await asyncio.wait_for(self._ready(), timeout)
            except asyncio.TimeoutError:
                return None
        changes: Changes = _value(self._outcomes.popleft())
        return changes

    def __aiter__(self) -> AsyncIterator[Changes]:
        return self

    async def __anext__(self) -> Changes:
        await self._ready()
        changes: Changes = _value(self._outcomes.popleft())
        return changes

    async def _ready(self) -> None:
        while not self._outcomes:
            if self._is_over or self.is_closed:
                raise LockSyncError(Status.CANCELLED, "the watch, its context or its pool is closed")
            self._arrived.clear()
            await self._arrived.wait()

    def close(self) -> None:
        """Ends the watch. A call that waits for it raises LockSyncError with Status.CANCELLED.

        In another thread, and inside a callback of the context, it raises LockSyncError with Status.BUSY.
        """
        with self._context._stopped():
            self._close()

    def _close(self) -> None:
        super()._close()
        self._pool._watches.discard(self)
        self._arrived.set()

    async def aclose(self) -> None:
        """Does the same as close()."""
        self.close()

    async def __aenter__(self) -> "AsyncWatch":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        traceback: TracebackType | None) -> None:
        self.close()


class Pool(Handle):
    """Fetches for many contexts at once, in the running event loop: results = await pool.fetch(context).

    max_active: transfers at once; others wait (144). max_connections: open connections per server, and in all.
    """

    def __init__(self, *, max_active: int | None = None, max_connections: tuple[int, int] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        super().__init__(lib.pool_free, made(lib.pool_new))
        self._running: dict[int, tuple[asyncio.Future[Outcome], "Context", Callable[[int], Any]]] = {}
        self._watches: weakref.WeakSet[AsyncWatch] = weakref.WeakSet()
        self._on_results = _capi.DoneFn(self._done)
        self._on_directory = _capi.DirectoryFn(self._done)
        if max_active is not None and lib.pool_set_max_active(self._handle, integer(max_active, "I")) != Status.OK:
            raise failure(Status.INVALID_ARGUMENT, f"max_active is {max_active}; it must be from 1 to 65535")
        if max_connections is not None and lib.pool_set_max_connections(
                self._handle, *(integer(limit, "I") for limit in max_connections)) != Status.OK:
            raise failure(Status.INVALID_ARGUMENT, f"max_connections is {max_connections}; both must be from 1 "
                                                         "to 65535, the first not above the second")
        self._descriptor = lib.pool_fd(self._handle)
        self._loop.add_reader(self._descriptor, self._dispatch)

    async def fetch(self, context: "Context", ids: Iterable[int] | None = None) -> Results:
        """Like Context.fetch(), for a context without its own transport. Cancelling the task cancels the fetch."""
        array, count = ids_of(ids)
        results: Results = await self._run(context, results_taken, lambda key: lib.pool_submit(
            self._handle, context._handle, array, count, self._on_results, key))
        return results

    async def fetch_directory(self, context: "Context") -> Directory:
        """Like Context.fetch_directory(), for a context without its own transport."""
        directory: Directory = await self._run(context, directory_taken, lambda key: lib.pool_submit_directory(
            self._handle, context._handle, self._on_directory, key))
        return directory

    def watch(self, context: "Context", ids: Iterable[int] | None = None, *,
              serial_numbers: Iterable[str] | None = None, directory: Directory | bool = False,
              interval: float = 20) -> AsyncWatch:
        """Like Context.watch(), for `async for`. The context is busy until the watch is closed."""
        self._check_open()
        context._check_pooled()
        return AsyncWatch(self, context, ids, serial_numbers, directory, interval)

    @property
    def pending(self) -> int:
        """The number of fetches that have not ended, plus the number of watches."""
        return lib.pool_pending(self._handle)

    def close(self) -> None:
        """Ends running fetches and watches with Status.CANCELLED. In another thread it raises Status.BUSY."""
        if self._is_elsewhere():
            raise LockSyncError(Status.BUSY, "a pool must be closed in its own thread")
        if not self.is_closed:
            self._loop.remove_reader(self._descriptor)
        super().close()
        for watch in list(self._watches):
            watch._is_over = True
            watch._arrived.set()

    async def __aenter__(self) -> "Pool":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        traceback: TracebackType | None) -> None:
        self.close()

    async def _run(self, context: "Context", take: Callable[[int], Any], submit: Callable[[int], int]) -> Any:
        self._check_open()
        context._check_pooled()
        ended: asyncio.Future[Outcome] = self._loop.create_future()
        with context._using():
            context._check(submit(id(ended)))
            self._running[id(ended)] = ended, context, take
            context._pooled[ended] = self, lambda: None  # it is freed with the context
        ended.add_done_callback(context._pooled.pop)  # after the call of C that has ended it
        try:
            return _value(await asyncio.shield(ended))
        except asyncio.CancelledError:
            if not ended.done():
                context.cancel()
                await asyncio.wait([ended])  # until then the context is busy
            raise

    def _is_elsewhere(self) -> bool:
        """True: another thread than this one may be in a call of the pool."""
        return threading.get_ident() != self._thread and not self._loop.is_closed()

    def _check_open(self) -> None:
        if self.is_closed:
            raise failure(Status.INVALID_ARGUMENT, "the pool is closed")

    def _dispatch(self) -> None:
        lib.pool_dispatch(self._handle)

    def _done(self, key: int, _context: Any, status: int, handle: int) -> None:
        ended, context, take = self._running.pop(key)
        outcome = _outcome(context, status, lambda: take(handle))
        if not ended.done():  # the loop may have ended
            ended.set_result(outcome)
