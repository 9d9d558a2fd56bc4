"""Callbacks from C: their exceptions never pass through C, but become statuses, and are raised after the call."""
import ctypes
import functools
import logging
import threading
import weakref
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import _capi
from ._capi import LogLevel, Status
from ._errors import LockSyncError
from ._http import Request, Response, request_of
from ._interrupt import in_calling_thread
from ._library import lib
from ._values import named, text_of

if TYPE_CHECKING:
    from ._context import Context

Token = str | tuple[str, datetime]  # with the time when it expires
TokenProvider = Callable[[bool], Token | None]
Logger = Callable[[LogLevel | int, str], object] | logging.Logger
Transport = Callable[[Request], Response]

_LEVELS: dict[int, int] = {LogLevel.ERROR: logging.ERROR, LogLevel.WARNING: logging.WARNING,
                           LogLevel.INFO: logging.INFO, LogLevel.DEBUG: logging.DEBUG}


class _Here(threading.local):
    """A value for each thread."""
    is_inside = False  # it runs a callback of the context


class Callbacks:
    """The callbacks of one context, and the first exception that one of them raised during a call.

    They refer to the context weakly, so that it is freed as soon as the program drops it.
    """

    def __init__(self, context: "Context") -> None:
        self._context = weakref.ref(context)
        self._kept: dict[str, Any] = {}  # C calls them while they are set
        self._raised: BaseException | None = None
        self._here = _Here()
        self._provide: Callable[[bool], None] | None = None

    @property
    def is_inside(self) -> bool:
        """True: this thread runs one of the callbacks. A call of C that uses the context is around it."""
        return self._here.is_inside

    @property
    def has_transport(self) -> bool:
        return self._kept.get("transport") is not None

    @property
    def has_token_provider(self) -> bool:
        return self._provide is not None

    def raised(self) -> BaseException | None:
        """Returns the exception of the call that has ended, and forgets it."""
        raised, self._raised = self._raised, None
        return raised

    def check(self, status: int, error: Callable[[int], LockSyncError]) -> None:
        """Raises what a callback raised, or the error of the status."""
        raised = self.raised()
        if raised is not None and not isinstance(raised, Exception):
            raise raised  # such as KeyboardInterrupt
        if status != Status.OK:
            raise error(status) from raised

    def _inside(self, action: Callable[[], object]) -> None:
        before = self._here.is_inside
        try:
            self._here.is_inside = True
            action()
        finally:
            self._here.is_inside = before

    def _guarded(self, failure: Status, action: Callable[[], object]) -> int:
        """Runs a callback. Its exception becomes a status."""
        def run() -> int:
            try:
                self._inside(action)
                return Status.OK
            except BaseException as error:  # pylint: disable=broad-except
                self._raised = self._raised or error
                return error.status if isinstance(error, LockSyncError) else failure

        return int(in_calling_thread(run, failure))

    def _set(self, name: str, function: Callable[..., int], callback: Any) -> int:
        context = self._context()
        assert context is not None  # it is setting
        status = function(context._handle, callback, None)
        if status == Status.OK:
            self._kept[name] = callback
        return status

    def set_token_provider(self, provider: TokenProvider | None) -> int:
        def provide(rejected: bool) -> None:
            context = self._context()
            assert context is not None and provider is not None  # a fetch of the context runs
            context._set_access_token(provider(rejected))

        def call(_user: Any, _context: Any, rejected: bool) -> int:
            return self._guarded(Status.NO_CREDENTIAL, lambda: provide(rejected))

        status = self._set("provider", lib.set_token_provider, _capi.TokenFn(call) if provider else _capi.TokenFn())
        if status == Status.OK:
            self._provide = provide if provider else None
        return status

    def provide(self, rejected: bool) -> None:
        """Has the token provider set a credential, for a fetch that C does not run."""
        provide = self._provide
        assert provide is not None  # has_token_provider
        try:
            self._inside(functools.partial(provide, rejected))
        except LockSyncError:
            raise
        except Exception as error:
            raise LockSyncError(Status.NO_CREDENTIAL) from error

    def set_logger(self, logger: Logger | None) -> int:
        def log(level: int, line: bytes) -> None:
            if isinstance(logger, logging.Logger):
                logger.log(_LEVELS.get(level, logging.DEBUG), "%s", text_of(line))
            elif logger is not None:
                logger(named(LogLevel, level), text_of(line))

        def write(_user: Any, level: int, line: bytes) -> None:
            self._guarded(Status.OK, lambda: log(level, line))

        return self._set("logger", lib.set_logger, _capi.LogFn(write) if logger else _capi.LogFn())

    def set_transport(self, transport: Transport | None) -> int:
        def perform(_user: Any, request: Any, response: Any) -> int:
            is_running = True

            def is_cancelled() -> bool:
                return is_running and bool(lib.request_is_cancelled(request))  # then C frees the request

            def send() -> None:
                nonlocal is_running
                assert transport is not None  # it is set
                try:
                    transport(request_of(request, is_cancelled=is_cancelled))._fill(response)
                finally:
                    is_running = False

            return self._guarded(Status.NETWORK, send)

        def stop(_user: Any) -> None:  # any thread calls it
            self._inside(getattr(transport, "cancel"))

        context = self._context()
        assert context is not None
        kept: Any = None
        if transport is not None:
            struct = _capi.TransportStruct
            kept = struct(ctypes.sizeof(struct), None, _capi.TransportPerformFn(perform))
            if callable(getattr(transport, "cancel", None)):
                kept.cancel = _capi.TransportCancelFn(stop)
        status = lib.set_transport(context._handle, None if kept is None else ctypes.byref(kept))
        if status == Status.OK:
            self._kept["transport"] = kept
        return status
