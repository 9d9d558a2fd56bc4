"""libgetlock-sync for Python, with ctypes alone: the state of a user's smart locks.

    with locksync.Context(personal_key=key) as context:
        for lock in context.fetch():
            print(lock.id, lock.is_locked)

Times are aware datetimes, durations are seconds. An unknown value is None, so `is_locked` is True, False or None. A
number without a name in this version is kept. Failures raise LockSyncError. Only one thread at a time may use a
context; another may call cancel().
"""
import array
import asyncio
import ctypes
import dataclasses
import weakref
from collections.abc import Iterable
from ctypes import byref, c_int64, c_void_p
from datetime import timedelta

import _capi
from _capi import Access, ChangeKind, Device, Door, GuardMode, LogLevel, State, Status, lib
from _records import EPOCH, Change, Changes, Directory, Lock, LockInfo, Results, each, named, string

__all__ = ["Access", "Change", "ChangeKind", "Changes", "Context", "Device", "Directory", "Door", "Guard", "GuardMode",
           "Lock", "LockInfo", "LockSyncError", "LogLevel", "Pool", "Request", "Response", "Results", "State", "Status",
           "Watch", "version"]


def version() -> str:
    """Returns the version of the C library in use."""
    return string(lib.lock_sync_version())


# --- values to C and from C; checked, because ctypes would truncate them ---

def _integer(number, kind="q"):
    return None if number is None else array.array(kind, [number])[0]


def _ids(ids):
    if ids is None:
        return None, 0
    numbers = array.array("q", ids)
    if not numbers:
        raise ValueError("the list of ids is empty; pass None for all locks")
    return (c_int64 * len(numbers)).from_buffer(numbers), len(numbers)


def _ms(seconds):
    return _integer(round(seconds * 1000))


def _text(text):
    if text is not None and "\0" in text:
        raise ValueError("a text contains NUL")
    return None if text is None else text.encode()


class LockSyncError(Exception):
    """Why a call failed: `status` is the kind, the text says what happened. Values that do not apply are None."""

    def __init__(self, status, message=None, **detail):
        super().__init__(message or string(lib.lock_sync_status_message(status)))
        self.status = named(Status, status)
        self.is_retryable = lib.lock_sync_status_is_retryable(status)
        self.http_status = detail.get("http_status")
        self.retry_after = detail.get("retry_after")
        self.correlation_id = detail.get("correlation_id")
        self.api_messages = detail.get("api_messages", ())
        self.byte_offset = detail.get("byte_offset")

    @classmethod
    def _of(cls, context, status):
        error = lib.lock_sync_last_error(context)
        if lib.lock_sync_error_status(error) != status:  # a call that failed with BUSY leaves no detail
            return cls(status)
        retry_after_ms = lib.lock_sync_error_retry_after_ms(error)
        byte_offset = lib.lock_sync_error_byte_offset(error)
        return cls(status, string(lib.lock_sync_error_message(error)),
                   http_status=lib.lock_sync_error_http_status(error) or None,
                   retry_after=None if retry_after_ms < 0 else retry_after_ms / 1000,
                   correlation_id=string(lib.lock_sync_error_correlation_id(error)),
                   api_messages=tuple(map(string, each(lib.lock_sync_error_api_message_at, error,
                                                      lib.lock_sync_error_api_message_count(error)))),
                   byte_offset=None if byte_offset < 0 else byte_offset)


@dataclasses.dataclass(frozen=True)
class Request:
    """A request that a transport must send once, without following redirects. It contains the credential."""
    method: str
    url: str
    headers: dict[str, str]
    timeout: float

    @classmethod
    def _of(cls, request):
        count = lib.lock_sync_request_header_count(request)
        names = map(string, each(lib.lock_sync_request_header_name, request, count))
        values = map(string, each(lib.lock_sync_request_header_value, request, count))
        return cls(string(lib.lock_sync_request_method(request)), string(lib.lock_sync_request_url(request)),
                   dict(zip(names, values)), lib.lock_sync_request_timeout_ms(request) / 1000)


@dataclasses.dataclass(frozen=True)
class Response:
    """The response that a transport received, whatever its status. The body must be decoded (no gzip)."""
    status: int
    body: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    def _fill(self, response):
        _check(lib.lock_sync_response_set_status(response, self.status))
        for name, value in self.headers.items():
            _check(lib.lock_sync_response_add_header(response, _text(name), _text(value)))
        _check(lib.lock_sync_response_append_body(response, self.body, len(self.body)))


def _check(status):
    if status != Status.OK:
        raise LockSyncError(status)


class _Handle:
    """An object of the C library, freed by close(), at the end of a with block, or by the garbage collector."""

    def __init__(self, free, new, *arguments):
        out = c_void_p()
        _check(new(*arguments, byref(out)))
        self._handle = out.value
        self._free = weakref.finalize(self, free, out.value)

    def close(self):
        self._handle = None  # every function of the library rejects it
        self._free()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Guard(_Handle):
    """Keeps all its contexts within the service's limits: in memory, or in a file for several processes."""

    def __init__(self, path: str | None = None, *, min_interval: float = 20, budget: int = 700, unused: int = 100):
        new = (lib.lock_sync_guard_new,) if path is None else (lib.lock_sync_guard_open_file, _text(path))
        super().__init__(lib.lock_sync_guard_unref, *new)
        _check(lib.lock_sync_guard_set_min_interval_ms(self._handle, _ms(min_interval)))
        _check(lib.lock_sync_guard_set_hourly_budget(self._handle, _integer(budget, "I"), _integer(unused, "I")))


_SETTINGS = {
    "personal_key": (lib.lock_sync_set_personal_key, _text),
    "base_url": (lib.lock_sync_set_base_url, _text),
    "api_version": (lib.lock_sync_set_api_version, _text),
    "connect_timeout": (lib.lock_sync_set_connect_timeout_ms, _ms),
    "timeout": (lib.lock_sync_set_timeout_ms, _ms),
    "max_idle": (lib.lock_sync_set_max_idle_ms, _ms),
    "max_response_bytes": (lib.lock_sync_set_max_response_bytes, _integer),
    "allow_http": (lib.lock_sync_set_allow_http, bool),
    "ca_file": (lib.lock_sync_set_ca_file, _text),
    "proxy": (lib.lock_sync_set_proxy, _text),
    "user_agent": (lib.lock_sync_set_user_agent, _text),
    "guard": (lib.lock_sync_set_guard, lambda guard: guard and guard._handle),
    "guard_mode": (lib.lock_sync_set_guard_mode, int),
}


class Context(_Handle):
    """Settings, credential and connection of one user of the service."""

    def __init__(self, **settings):
        super().__init__(lib.lock_sync_ctx_free, lib.lock_sync_ctx_new)
        self._callbacks = {}  # C calls them while they are set
        self._raised = None  # by a callback
        self._watches = weakref.WeakSet()
        try:
            self.set(**settings)
        except BaseException:
            self.close()
            raise

    def set(self, **settings):
        """Changes settings; None for a text, a function or the guard restores the default. They are the C library's
        personal_key, base_url, api_version, connect_timeout, timeout, max_idle, max_response_bytes, allow_http,
        ca_file, proxy, user_agent, guard and guard_mode, and these:

        - access_token: the token, or (token, when it expires)
        - token_provider: called with whether the service rejected the current credential; returns an access_token
        - logger: called with a LogLevel and a line; its exceptions go to sys.unraisablehook
        - transport: called with a Request; returns a Response, or raises LockSyncError with a network status
        """
        for name, value in settings.items():
            if name in _SETTINGS:
                function, convert = _SETTINGS[name]
                self._check(function(self._handle, convert(value)))
            elif name in ("access_token", "token_provider", "logger", "transport"):
                getattr(self, "_set_" + name)(value)
            else:
                raise TypeError(f"no setting has the name {name!r}")

    def fetch(self, ids: Iterable[int] | None = None) -> Results:
        """Returns the state of these locks, or (None) of all the account's locks. Other threads run while it waits."""
        return self._fetch(lib.lock_sync_fetch, *_ids(ids))

    def fetch_one(self, lock_id: int) -> Lock:
        return self._fetch(lib.lock_sync_fetch_one, _integer(lock_id)).locks[0]

    def fetch_directory(self) -> Directory:
        """Returns the names and serial numbers of all the account's locks, with their states."""
        out = c_void_p()
        self._check(lib.lock_sync_fetch_directory(self._handle, byref(out)))
        return Directory._take(out.value)

    def watch(self, ids: Iterable[int] | None = None, *, interval: float = 20) -> "Watch":
        """Watches these locks, or (None) all, for changes."""
        return Watch(self, ids, interval)

    def close(self):
        for watch in list(self._watches):
            watch.close()  # watches must not outlive the context
        super().close()

    def cancel(self):
        """Ends the running fetch. Any thread may call it."""
        lib.lock_sync_cancel(self._handle)

    def _fetch(self, function, *arguments):
        out = c_void_p()
        self._check(function(self._handle, *arguments, byref(out)))
        return Results._take(out.value)

    def _check(self, status):
        raised, self._raised = self._raised, None
        if isinstance(raised, BaseException) and not isinstance(raised, Exception):
            raise raised  # such as KeyboardInterrupt
        if status != Status.OK:
            raise LockSyncError._of(self._handle, status) from raised

    def _guarded(self, failure, action):
        """Runs the action of a callback. An exception becomes a status, and the cause of the LockSyncError."""
        try:
            action()
            return Status.OK
        except BaseException as error:
            self._raised = error
            return error.status if isinstance(error, LockSyncError) else failure

    def _set_access_token(self, token):
        if isinstance(token, tuple):
            expires_at_ms = (token[1] - EPOCH) // timedelta(milliseconds=1)
            self._check(lib.lock_sync_set_access_token_until(self._handle, _text(token[0]), expires_at_ms))
        else:
            self._check(lib.lock_sync_set_access_token(self._handle, _text(token)))

    def _set_token_provider(self, provider):
        callback = _capi.TokenFn(lambda _user, _ctx, is_rejected: self._guarded(
            Status.NO_CREDENTIAL, lambda: self._set_access_token(provider(is_rejected))))
        self._set_callback("provider", lib.lock_sync_set_token_provider, callback if provider else _capi.TokenFn())

    def _set_logger(self, logger):
        callback = _capi.LogFn(lambda _user, level, line: logger(named(LogLevel, level), string(line)))
        self._set_callback("logger", lib.lock_sync_set_logger, callback if logger else _capi.LogFn())

    def _set_callback(self, name, function, callback):
        self._check(function(self._handle, callback, None))
        self._callbacks[name] = callback

    def _set_transport(self, transport):
        perform = _capi.PerformFn(lambda _user, request, response: self._guarded(
            Status.NETWORK, lambda: transport(Request._of(request))._fill(response)))
        struct = _capi.TransportStruct(ctypes.sizeof(_capi.TransportStruct), None, perform)
        self._check(lib.lock_sync_set_transport(self._handle, byref(struct) if transport else None))
        self._callbacks["transport"] = perform


class Watch(_Handle):
    """An iterator over Changes, which waits for the next one. The first reports all locks as added.

    It polls once per interval and continues after temporary errors. It raises other errors; the next call continues.
    """

    def __init__(self, context, ids, interval):
        def free(handle, _context=context):  # keeps the context alive as long as the watch
            lib.lock_sync_watch_free(handle)

        super().__init__(free, lib.lock_sync_watch_new, context._handle, *_ids(ids))
        self._context = context
        context._watches.add(self)
        _check(lib.lock_sync_watch_set_interval_ms(self._handle, _ms(interval)))

    def wait(self, timeout: float) -> Changes | None:
        """Returns the next changes, or None at the timeout."""
        out = c_void_p()
        status = lib.lock_sync_watch_next(self._handle, _ms(timeout), byref(out))
        self._context._check(Status.OK if status == Status.TIMEOUT else status)
        try:
            return None if status == Status.TIMEOUT else Changes._of(self._handle, out)
        finally:
            lib.lock_sync_changes_free(out)

    def __iter__(self):
        return self

    def __next__(self):
        while (changes := self.wait(0.5)) is None:
            pass  # Python handles a signal only between two calls
        return changes

    @property
    def results(self) -> Results | None:
        """The results of the last good response; None before it."""
        results = lib.lock_sync_watch_results(self._handle)
        return None if results is None else Results._of(results)

    @property
    def last_status(self) -> Status:
        """The status of the last poll, even if its error was not raised."""
        return named(Status, lib.lock_sync_watch_last_status(self._handle))

    @property
    def age(self) -> float | None:
        """The age of the last good response; None before it."""
        age_ms = lib.lock_sync_watch_age_ms(self._handle)
        return None if age_ms < 0 else age_ms / 1000


def _outcome(context, status, take, handle):
    """Returns the outcome that a pool's callback received: a value, or an exception to raise."""
    try:
        context._check(status)
        return take(handle)
    except BaseException as error:
        return error


def _value(outcome):
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


class Pool(_Handle):
    """Fetches for many contexts at once, in the running event loop: results = await pool.fetch(context)."""

    def __init__(self):
        super().__init__(lib.lock_sync_pool_free, lib.lock_sync_pool_new)
        self._running = {}  # fetches that wait for their callback
        self._callback = _capi.DoneFn(self._done)
        self._descriptor = lib.lock_sync_pool_fd(self._handle)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._dispatch)

    async def fetch(self, context: Context, ids: Iterable[int] | None = None) -> Results:
        """Like Context.fetch(), for a context without its own transport. Cancelling the task cancels the fetch."""
        ended = self._loop.create_future()
        context._check(lib.lock_sync_pool_submit(self._handle, context._handle, *_ids(ids), self._callback, id(ended)))
        self._running[id(ended)] = ended, context
        try:
            return _value(await asyncio.shield(ended))
        except asyncio.CancelledError:
            context.cancel()
            await asyncio.wait([ended])  # until then the context is busy
            raise

    async def watch(self, context: Context, ids: Iterable[int] | None = None, *, interval: float = 20):
        """Like Context.watch(), for `async for`. An exception ends it."""
        outcomes = asyncio.Queue()
        callback = _capi.WatchFn(lambda _user, handle, status, changes: outcomes.put_nowait(
            _outcome(context, status, lambda changes: Changes._of(handle, changes), changes)))
        with context.watch(ids, interval=interval) as watch:
            context._check(lib.lock_sync_pool_watch(self._handle, watch._handle, callback, None))
            while True:
                yield _value(await outcomes.get())

    def close(self):
        """Ends running fetches with Status.CANCELLED."""
        if self._handle is not None:
            self._loop.remove_reader(self._descriptor)
        super().close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()

    def _dispatch(self):
        lib.lock_sync_pool_dispatch(self._handle)

    def _done(self, key, _ctx, status, results):
        ended, context = self._running.pop(key)
        ended.set_result(_outcome(context, status, Results._take, results))
