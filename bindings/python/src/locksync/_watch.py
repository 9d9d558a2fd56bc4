"""The watch: repeated fetches, and the changes between them."""
from collections.abc import Callable, Iterable, Iterator
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any

from ._capi import Status
from ._errors import failure
from ._handle import Handle
from ._interrupt import interruptible
from ._library import lib
from ._records import Changes, Directory, Results, directory_of, results_of, watched
from ._values import ids_of, ms_of, named, serials_of

if TYPE_CHECKING:
    from ._context import Context


class WatchState(Handle):
    """A watch of the C library, and what it knows now."""

    def __init__(self, context: "Context", ids: Iterable[int] | None, serial_numbers: Iterable[str] | None,
                 directory: Directory | bool, interval: float, free: Callable[[Any], object] = lib.watch_free) -> None:
        out = c_void_p()
        if serial_numbers is None:
            status = lib.watch_new(context._handle, *ids_of(ids), byref(out))
        elif ids is None:
            status = lib.watch_new_by_serial(context._handle, *serials_of(serial_numbers), byref(out))
        else:
            raise ValueError("pass either ids or serial numbers")
        context._check(status)

        def free_before(handle: Any, _context: "Context" = context) -> None:  # the context must outlive the watch
            free(handle)

        super().__init__(free_before, out.value or 0)
        self._context = context
        context._watches.add(self)
        try:
            if lib.watch_set_interval_ms(self._handle, ms_of(interval)) != Status.OK:
                raise failure(Status.INVALID_ARGUMENT,
                                    f"the interval is {interval} s; it must be from 0.001 s to a day")
            if isinstance(directory, Directory):
                self._use(directory)
            elif directory:
                context._check(lib.watch_set_directory(self._handle, True))
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        """Does what close() does, when no call of the context runs."""
        Handle.close(self)

    def _use(self, directory: Directory) -> None:
        owner = directory._owner
        if owner is None or owner.handle is None:
            raise ValueError("the directory was used before, was pickled, has several pages, or is a watch's")
        status = lib.watch_use_directory(self._handle, owner.handle)
        self._context._check(status)
        owner.released()

    @property
    def results(self) -> Results | None:
        """The results of the last good response; None before it."""
        results = lib.watch_results(self._handle)
        return None if results is None else results_of(results)

    @property
    def directory(self) -> Directory | None:
        """The last directory; None before it, and if the watch does not follow the directory."""
        directory = lib.watch_directory(self._handle)
        return None if directory is None else directory_of(directory)

    @property
    def last_status(self) -> Status | int:
        """The status of the last poll, even if its error was not raised."""
        return named(Status, lib.watch_last_status(self._handle))

    @property
    def age(self) -> float | None:
        """The seconds since the last good response; None before it. Look at it before you act on a state."""
        age_ms = lib.watch_age_ms(self._handle)
        return None if age_ms < 0 else age_ms / 1000

    @property
    def due_in(self) -> float:
        """The seconds until the next poll. The guard may delay it further."""
        return lib.watch_due_in_ms(self._handle) / 1000


class Watch(WatchState):
    """An iterator over Changes, which waits for the next one. The first reports all locks as added.

    It polls once per interval and continues after temporary errors. It raises other errors; the next call continues.
    """

    def wait(self, timeout: float | None = None) -> Changes | None:
        """Returns the next changes, or None at the timeout in seconds. Context.cancel() ends it."""
        context = self._context
        if self.is_closed:
            raise failure(Status.INVALID_ARGUMENT, "the watch is closed")
        timeout_ms = -1 if timeout is None else max(ms_of(timeout), 0)
        out = c_void_p()
        with context._using():
            try:
                status = interruptible(lambda: lib.watch_next(self._handle, timeout_ms, byref(out)), context.cancel)
                context._check(Status.OK if status == Status.TIMEOUT else status)
                return None if status == Status.TIMEOUT else watched(self._handle, out)
            finally:
                lib.changes_free(out)

    def close(self) -> None:
        """Ends the watch. A wait of another thread is cancelled first."""
        with self._context._stopped():
            self._close()

    def __iter__(self) -> Iterator[Changes]:
        return self

    def __next__(self) -> Changes:
        changes = self.wait()
        assert changes is not None  # there is no timeout
        return changes
