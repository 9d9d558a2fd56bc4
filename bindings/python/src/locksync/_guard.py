"""The guard, which keeps all users of an account within the service's limits."""
import ctypes
import threading
from collections.abc import Callable, Mapping
from ctypes import byref, c_int64
from types import TracebackType
from typing import Any

from ._capi import RequestKind, SlotOutcome, Status
from ._errors import failure
from ._handle import Handle, made
from ._library import lib, redis_library
from ._values import encoded, integer, ms_of, text_of


class Guard(Handle):
    """Keeps all its contexts within the service's limits: in memory, in a file, or in Redis. Any thread may use it.

    The intervals and the budget belong to this object: all users of an account must set the same.

    - min_interval: seconds from a response to the next request for states
    - intervals: the seconds for each RequestKind, for example {RequestKind.DIRECTORY: 60}
    - budget: requests in an hour, of which `unused` are left to other programs
    """

    def __init__(self, path: str | None = None, *, min_interval: float = 20,
                 intervals: Mapping[RequestKind, float] | None = None, budget: int = 700, unused: int = 100,
                 _handle: int | None = None) -> None:
        if _handle is None:
            _handle = made(lib.guard_new) if path is None else made(lib.guard_open_file, encoded(path))
        super().__init__(lib.guard_unref, _handle)
        self._closing = threading.RLock()  # held for a moment: close() must not run while a reference is taken
        self._free.atexit = True  # the last release writes outcomes that could not be written before
        self.may_block = path is not None
        try:
            for kind, seconds in ({RequestKind.SYNC: min_interval} | dict(intervals or {})).items():
                self._check(lib.guard_set_kind_interval_ms(self._handle, int(kind), ms_of(seconds)),
                            f"the interval is {seconds} s; it must be from 0.001 s to a day")
            self._check(lib.guard_set_hourly_budget(self._handle, integer(budget, "I"), integer(unused, "I")),
                        f"the budget of {budget} requests with {unused} unused ones leaves nothing, or is too large")
        except BaseException:
            self.close()
            raise

    @classmethod
    def open_file(cls, path: str, *, min_interval: float = 20, intervals: Mapping[RequestKind, float] | None = None,
                  budget: int = 700, unused: int = 100) -> "Guard":
        """Opens a guard in a file, for all processes of a machine. Its directory must exist."""
        return cls(path, min_interval=min_interval, intervals=intervals, budget=budget, unused=unused)

    @classmethod
    def open_redis(cls, redis: "Redis", key: str, *, min_interval: float = 20,
                   intervals: Mapping[RequestKind, float] | None = None, budget: int = 700,
                   unused: int = 100) -> "Guard":
        """Opens a guard under a key of a Redis server, for several machines."""
        with redis._in_use:
            handle = made(redis_library().guard_open_redis, redis._handle, encoded(key))
        guard = cls(min_interval=min_interval, intervals=intervals, budget=budget, unused=unused, _handle=handle)
        guard.may_block = True
        return guard

    def _another(self) -> "Guard":
        """Returns another reference to the guard. For a call, it lets another thread close the guard meanwhile."""
        other = Guard.__new__(Guard)
        with self._closing:
            Handle.__init__(other, lib.guard_unref, lib.guard_ref(self._handle))
        other._closing = threading.RLock()
        other.may_block = self.may_block
        return other

    def close(self) -> None:
        """Frees the guard, when its contexts and the calls of other threads have ended. Again, it does nothing."""
        with self._closing:
            self._handle = None
        super().close()

    def reserve(self, kind: RequestKind = RequestKind.SYNC, *, lease: float = 30) -> "Slot":
        """Returns the permission to send one request, for requests that you send yourself.

        A denial is a LockSyncError with Status.TOO_SOON and `retry_after`. `lease` is the time in seconds within which
        the request must end.
        """
        wait, slot = c_int64(), c_int64()
        used = self._another()
        status = lib.guard_reserve_for(used._handle, int(kind), ms_of(lease), byref(wait), byref(slot))
        if status == Status.TOO_SOON:
            raise failure(status, f"The guard allows no request yet. The next one is allowed in "
                                        f"{wait.value / 1000:.1f} s.", retry_after=wait.value / 1000)
        self._check(status, f"the lease is {lease} s, or the kind of request is not known")
        return Slot(self, slot.value)

    @property
    def error_message(self) -> str:
        """Why the store failed last, the cause of Status.GUARD."""
        return self._text(lib.guard_error_message)

    @property
    def warning(self) -> str:
        """Why the store can lose records, for example a Redis server without an append-only file. Otherwise empty."""
        return self._text(lib.guard_warning)

    def _text(self, function: Callable[[Any, Any, int], int]) -> str:
        text = ctypes.create_string_buffer(512)
        used = self._another()
        function(used._handle, text, len(text))
        return text_of(text.value)

    def _check(self, status: int, rejected: str) -> None:
        if status == Status.INVALID_ARGUMENT:
            raise failure(status, "the guard is closed" if self.is_closed else rejected)
        if status != Status.OK:
            raise failure(status, self.error_message or None)


class Slot:
    """The permission to send one request. Settle it when the request has ended; the end of a with block does it too."""

    def __init__(self, guard: Guard, number: int) -> None:
        self.guard = guard
        self._number = number
        self.is_settled = False

    def settle(self, outcome: SlotOutcome = SlotOutcome.SENT, *, retry_after: float | None = None) -> None:
        """Reports how the request ended. `retry_after` is the service's Retry-After in seconds, after a 429."""
        self.is_settled = True
        used = self.guard._another()
        status = lib.guard_settle(used._handle, self._number, int(outcome),
                                  -1 if retry_after is None else ms_of(retry_after))
        self.guard._check(status, f"{outcome!r} is not known")

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if not self.is_settled:
            self.settle()


class Redis(Handle):
    """A Redis server for guards, which share a connection: Redis("redis://localhost:6379/0"). It connects when needed.

    Server, TLS, unix socket and sentinels: see the page docs/rate-limits.md.
    """

    def __init__(self, url: str) -> None:
        library = redis_library()
        problem = library.redis_url_problem(encoded(url))
        if problem is not None:
            raise ValueError(text_of(problem))
        super().__init__(library.redis_free, made(library.redis_new, encoded(url)))
        self._in_use = threading.RLock()  # by a call, for whose end close() waits

    def prepare(self, key: str) -> None:
        """Prepares the database at deployment, so that the first slot of a new account needs no wait."""
        with self._in_use:
            status = redis_library().redis_prepare(self._handle, encoded(key))
            if status != Status.OK:
                raise failure(status, self.error_message if status == Status.GUARD else None)

    def close(self) -> None:
        """Frees the object, when a call of another thread has ended. Guards of the server stay open."""
        with self._in_use:
            super().close()

    @property
    def error_message(self) -> str:
        """The cause of the last failed command to the server."""
        text = ctypes.create_string_buffer(512)
        with self._in_use:
            redis_library().redis_error_message(self._handle, text, len(text))
        return text_of(text.value)
