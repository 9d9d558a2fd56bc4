"""The context: settings, credential and connection of one account, and its fetches."""
import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any

from ._callbacks import Callbacks, Logger, Token, TokenProvider, Transport
from ._capi import GuardMode, RequestKind, Status
from ._errors import LockSyncError, check, error_of, failure
from ._guard import Guard
from ._handle import Handle, made
from ._http import Request, Response, request_taken
from ._interrupt import interruptible
from ._library import lib
from ._records import Directory, Lock, Results, directory_taken, results_taken
from ._through import Fetch, Send, fetch_directory
from ._values import KEEP, Keep, encoded, ids_of, integer, lock_id_of, ms_of, optional, unix_ms_of
from ._watch import Watch, WatchState

if TYPE_CHECKING:
    from ._pool import Pool


class Context(Handle):
    """Settings, credential and connection of one account. The arguments are those of set().

    One thread at a time may use it; another may call cancel(), set_stopped() and, unless a pool has it, close().
    """

    def __init__(self, *, personal_key: str | None | Keep = KEEP, access_token: Token | None | Keep = KEEP,
                 token_provider: TokenProvider | None | Keep = KEEP, base_url: str | None | Keep = KEEP,
                 api_version: str | None | Keep = KEEP, connect_timeout: float | Keep = KEEP,
                 timeout: float | Keep = KEEP, max_idle: float | Keep = KEEP, max_response_bytes: int | Keep = KEEP,
                 allow_http: bool | Keep = KEEP, ca_file: str | None | Keep = KEEP, proxy: str | None | Keep = KEEP,
                 user_agent: str | None | Keep = KEEP, logger: Logger | None | Keep = KEEP,
                 transport: Transport | None | Keep = KEEP, guard: Guard | None = None,
                 guard_mode: GuardMode = GuardMode.FAIL) -> None:
        super().__init__(lib.ctx_free, made(lib.ctx_new))
        self._callbacks = Callbacks(self)
        self._watches: weakref.WeakSet[WatchState] = weakref.WeakSet()
        self._pooled: dict[Any, tuple["Pool", Callable[[], object]]] = {}  # fetches and watches, and what frees them
        self._in_use = threading.Lock()  # by a call that waits
        self._user: int | None = None  # the thread of that call
        self._is_stopped = False
        self._freeing = threading.RLock()  # cancel() must not run while the context is freed
        try:
            self.set(personal_key=personal_key, access_token=access_token, token_provider=token_provider,
                     base_url=base_url, api_version=api_version, connect_timeout=connect_timeout, timeout=timeout,
                     max_idle=max_idle, max_response_bytes=max_response_bytes, allow_http=allow_http, ca_file=ca_file,
                     proxy=proxy, user_agent=user_agent, logger=logger, transport=transport, guard=guard,
                     guard_mode=guard_mode)
        except BaseException:
            self.close()
            raise

    def set(self, *, personal_key: str | None | Keep = KEEP, access_token: Token | None | Keep = KEEP,
            token_provider: TokenProvider | None | Keep = KEEP, base_url: str | None | Keep = KEEP,
            api_version: str | None | Keep = KEEP, connect_timeout: float | Keep = KEEP, timeout: float | Keep = KEEP,
            max_idle: float | Keep = KEEP, max_response_bytes: int | Keep = KEEP, allow_http: bool | Keep = KEEP,
            ca_file: str | None | Keep = KEEP, proxy: str | None | Keep = KEEP, user_agent: str | None | Keep = KEEP,
            logger: Logger | None | Keep = KEEP, transport: Transport | None | Keep = KEEP,
            guard: Guard | None | Keep = KEEP, guard_mode: GuardMode | Keep = KEEP) -> None:
        """Changes the settings that are given. None restores a default; for a credential, it wipes the current one.

        - access_token: the token, or (token, when it expires)
        - token_provider: called with whether the service rejected the current credential; returns an access_token
        - timeout: seconds for the whole fetch (30); connect_timeout (10) and max_idle (60) in seconds too
        - allow_http: a base_url with plain http may leave this machine
        - logger: a logging.Logger, or a function that gets a LogLevel and a line
        - transport: called with a Request; returns a Response, or raises LockSyncError with a network status. If it
          has a method `cancel`, another thread calls that to end a running request
        - guard: by default a guard in memory, for this context alone
        """
        texts = ((personal_key, lib.set_personal_key), (base_url, lib.set_base_url), (api_version, lib.set_api_version),
                 (ca_file, lib.set_ca_file), (proxy, lib.set_proxy), (user_agent, lib.set_user_agent))
        times = ((connect_timeout, lib.set_connect_timeout_ms), (timeout, lib.set_timeout_ms),
                 (max_idle, lib.set_max_idle_ms))
        for text, set_text in texts:
            if not isinstance(text, Keep):
                self._check(set_text(self._handle, optional(text)))
        for seconds, set_time in times:
            if not isinstance(seconds, Keep):
                self._check(set_time(self._handle, ms_of(seconds)))
        if not isinstance(max_response_bytes, Keep):
            self._check(lib.set_max_response_bytes(self._handle, integer(max_response_bytes, "Q")))
        if not isinstance(allow_http, Keep):
            self._check(lib.set_allow_http(self._handle, bool(allow_http)))
        if not isinstance(access_token, Keep):
            self._set_access_token(access_token)
        if not isinstance(token_provider, Keep):
            self._check(self._callbacks.set_token_provider(token_provider))
        if not isinstance(logger, Keep):
            self._check(self._callbacks.set_logger(logger))
        if not isinstance(transport, Keep):
            self._check(self._callbacks.set_transport(transport))
        if not isinstance(guard, Keep):
            guard = guard or Guard()
            if guard.is_closed:
                raise ValueError("the guard is closed")
            self._check(lib.set_guard(self._handle, guard._handle))
            self._guard = guard
            self._guard_kept = guard._another()  # the program may close its own
        if not isinstance(guard_mode, Keep):
            self._check(lib.set_guard_mode(self._handle, integer(guard_mode, "i")))
            self._guard_mode = guard_mode

    @property
    def guard(self) -> Guard:
        """The guard that the context asks before each request."""
        return self._guard

    # --- fetching, blocking ---

    def fetch(self, ids: Iterable[int] | None = None) -> Results:
        """Returns the state of these locks, or (None) of all the account's locks. Other threads run while it waits."""
        return results_taken(self._waited(lib.results_free, lib.fetch, *ids_of(ids)))

    def fetch_one(self, lock_id: int) -> Lock:
        """Returns the state of one lock. A lock that the service does not know is Status.NOT_FOUND."""
        return results_taken(self._waited(lib.results_free, lib.fetch_one, lock_id_of(lock_id))).locks[0]

    def fetch_directory(self) -> Directory:
        """Returns the names and serial numbers of all the account's locks, with their states."""
        return directory_taken(self._waited(lib.directory_free, lib.fetch_directory))

    def watch(self, ids: Iterable[int] | None = None, *, serial_numbers: Iterable[str] | None = None,
              directory: Directory | bool = False, interval: float = 20) -> Watch:
        """Watches these locks, or all, for changes. With `directory` each change has its lock's `info` (name).

        serial_numbers: watches the locks with these numbers, whatever ids they get. A Directory, of an earlier run of
        the program, saves a request at the start; it can be used once.
        """
        return Watch(self, ids, serial_numbers, directory, interval)

    def cancel(self) -> None:
        """Ends the running fetch or wait with Status.CANCELLED. Any thread may call it."""
        with self._freeing:
            if not self.is_closed:
                lib.cancel(self._handle)

    def set_stopped(self, stopped: bool) -> None:
        """Stops the context, or allows it to fetch again. Any thread may call it, also a callback.

        While it is stopped, fetches and waits end at once with Status.CANCELLED. A watch in a pool reports that once,
        and continues when the stop is cleared.
        """
        with self._freeing:
            check(lib.set_stopped(self._handle, stopped))
            self._is_stopped = stopped

    def close(self) -> None:
        """Frees the context and closes its watches. A fetch of another thread is cancelled first.

        Inside a callback of the context it raises LockSyncError with Status.BUSY. So it does while the context has a
        fetch or a watch in a pool, unless the pool's thread calls it.
        """
        with self._stopped():
            for watch in list(self._watches):
                watch._close()  # watches must not outlive the context
            for _, free in list(self._pooled.values()):
                free()  # a watch that the program has dropped
            with self._freeing:
                super().close()

    # --- for a program with its own HTTP client ---

    def build(self, ids: Iterable[int] | None = None) -> Request:
        """Returns the request that fetch() would send. It asks neither the guard nor the token provider."""
        return self._built(lib.request_build, *ids_of(ids))

    def build_one(self, lock_id: int) -> Request:
        """Returns the request that fetch_one() would send."""
        return self._built(lib.request_build_one, lock_id_of(lock_id))

    def build_directory(self, page: int = 1) -> Request:
        """Returns the request for a page of the directory. Fetch the next one while its `has_more` is true."""
        return self._built(lib.request_build_directory, integer(page, "I"))

    def decode(self, request: Request, response: Response) -> Results:
        """Returns the results in a response to build() or build_one(), or raises what fetch() would raise."""
        return results_taken(self._decoded(lib.response_decode, request, response))

    def decode_directory(self, request: Request, response: Response) -> Directory:
        """Returns the locks in a response to build_directory()."""
        return directory_taken(self._decoded(lib.response_decode_directory, request, response))

    async def fetch_through(self, send: Send, ids: Iterable[int] | None = None) -> Results:
        """Like fetch(), but `send` sends the request, for example with aiohttp. The guard is asked before.

        GuardMode.CACHED acts as FAIL here. The token provider is called in the loop, if there is no credential, and
        once after a 401. `send` must not follow redirects. It raises LockSyncError with Status.CONNECT (RESOLVE, TLS)
        if certainly nothing was sent.
        """
        return await Fetch(self, send).run(functools.partial(self.build, ids), RequestKind.SYNC, self.decode)

    async def fetch_directory_through(self, send: Send) -> Directory:
        """Like fetch_through(), for the directory: `send` is called for each of its pages.

        A watch cannot use a Directory of several pages, and its results cannot be compared.
        """
        return await fetch_directory(self, send)

    def _check_not_stopped(self) -> None:
        if self._is_stopped:
            raise LockSyncError(Status.CANCELLED, "the context is stopped")

    # --- inside ---

    def _built(self, function: Callable[..., int], *arguments: Any) -> Request:
        out = c_void_p()
        self._check(function(self._handle, *arguments, byref(out)))
        return request_taken(out.value or 0, function is lib.request_build_directory)

    def _decoded(self, function: Callable[..., int], request: Request, response: Response) -> int:
        if request._owner is None:
            raise ValueError("the request was not made by build(), build_one() or build_directory()")
        if request._is_directory != (function is lib.response_decode_directory):
            raise ValueError("the request is for a directory: use decode_directory()" if request._is_directory else
                             "the request is not for a directory: use decode()")
        filled, out = c_void_p(), c_void_p()
        self._check(lib.response_new(self._handle, byref(filled)))
        try:
            response._fill(filled)
            self._check(function(self._handle, request._owner.handle, filled, byref(out)))
        finally:
            lib.response_free(filled)
        return out.value or 0

    def _waited(self, free: Callable[[Any], None], function: Callable[..., int], *arguments: Any) -> int:
        """Returns what a function of C makes, which may wait."""
        out = c_void_p()
        with self._using():
            try:
                self._check(interruptible(lambda: function(self._handle, *arguments, byref(out)), self.cancel))
            except BaseException:
                free(out)  # such as Ctrl-C after the response
                raise
        return out.value or 0

    def _check_pooled(self) -> None:
        if self._callbacks.has_transport:
            raise ValueError("a context with its own transport cannot be used in a pool; use fetch_through()")

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """Keeps close() of other threads away."""
        if not self._in_use.acquire(blocking=False):
            raise LockSyncError(Status.BUSY)
        self._user = threading.get_ident()
        try:
            if self.is_closed:
                raise failure(Status.INVALID_ARGUMENT, "the context is closed")
            yield
        finally:
            self._user = None
            self._in_use.release()

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        """Ends a call of another thread, and keeps other calls away."""
        if self._user == threading.get_ident() or self._callbacks.is_inside:
            raise LockSyncError(Status.BUSY, "the context is in use: close() was called in one of its callbacks")
        while not self._in_use.acquire(timeout=0.02):
            self.cancel()
        try:
            if any(pool._is_elsewhere() for pool, _ in list(self._pooled.values())):
                raise LockSyncError(Status.BUSY, "the context is in use: close() must be called in its pool's thread")
            yield
        finally:
            self._in_use.release()

    def _check(self, status: int) -> None:
        self._callbacks.check(status, self._error)

    def _error(self, status: int) -> LockSyncError:
        if self.is_closed:
            return failure(status, "the context is closed")
        return error_of(self._handle, status)

    def _set_access_token(self, token: Token | None) -> None:
        if isinstance(token, tuple):
            text, expires_at = token
            status = lib.set_access_token_until(self._handle, encoded(text), unix_ms_of(expires_at))
        else:
            status = lib.set_access_token(self._handle, optional(token))
        if status != Status.OK:  # not _check: a fetch that asks the provider may be running
            raise self._error(status)
