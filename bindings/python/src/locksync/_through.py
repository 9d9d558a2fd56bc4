"""Fetches through the program's HTTP client, such as aiohttp's, in asyncio's event loop."""
import asyncio
import concurrent.futures
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ._capi import GuardMode, RequestKind, SlotOutcome, Status
from ._errors import LockSyncError
from ._guard import Slot
from ._http import Request, Response
from ._records import Directory, directory_joined

if TYPE_CHECKING:
    from ._context import Context

T = TypeVar("T")
Send = Callable[[Request], Awaitable[Response]]
_PAGES = 10  # of a directory, at most
_NOT_SENT = (Status.RESOLVE, Status.CONNECT, Status.TLS)


def _settle(slot: Slot, outcome: SlotOutcome, retry_after: float | None = None) -> None:
    with contextlib.suppress(LockSyncError):  # the guard keeps the outcome, and the fetch has its own result
        slot.settle(outcome, retry_after=retry_after)


async def _slot_of_thread(reserve: Callable[[], Slot]) -> Slot:
    """Reserves in another thread. If the task is cancelled meanwhile, the slot is given back."""
    granted: concurrent.futures.Future[Slot] = concurrent.futures.Future()

    def run() -> None:
        try:
            slot = reserve()
        except BaseException as error:  # pylint: disable=broad-except
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                granted.set_exception(error)
            return
        try:
            granted.set_result(slot)
        except concurrent.futures.InvalidStateError:  # the task was cancelled
            _settle(slot, SlotOutcome.NOT_SENT)

    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, run)
    try:
        return await asyncio.wrap_future(granted)
    except asyncio.CancelledError:
        if not granted.cancel() and granted.exception() is None:  # it came just before
            loop.run_in_executor(None, _settle, granted.result(), SlotOutcome.NOT_SENT)
        raise


class Fetch:
    """One fetch, which may be several requests. They have one deadline."""

    def __init__(self, context: "Context", send: Send) -> None:
        self._context = context
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._end: float | None = None

    async def run(self, build: Callable[[], Request], kind: RequestKind, decode: Callable[[Request, Response], T]) -> T:
        """Builds and sends a request. After a 401 the token provider is asked for a credential, for one retry."""
        callbacks = self._context._callbacks
        try:
            request = build()
        except LockSyncError as error:
            if error.status != Status.NO_CREDENTIAL or not callbacks.has_token_provider:
                raise
            callbacks.provide(False)
            request = build()
        try:
            return await self._exchange(request, kind, decode)
        except LockSyncError as error:
            if error.status != Status.UNAUTHORIZED or not callbacks.has_token_provider:
                raise
        callbacks.provide(True)
        return await self._exchange(build(), RequestKind.OTHER, decode)

    async def _exchange(self, request: Request, kind: RequestKind, decode: Callable[[Request, Response], T]) -> T:
        context = self._context
        end = self._end = self._end or self._loop.time() + request.timeout
        slot = None if context._guard_mode == GuardMode.OFF else await self._slot(kind, end)
        outcome, retry_after = SlotOutcome.NOT_SENT, None
        try:
            context._check_not_stopped()
            outcome = SlotOutcome.SENT
            response = await asyncio.wait_for(self._send(request), max(end - self._loop.time(), 0.001))
            return decode(request, response)
        except LockSyncError as error:
            if error.status == Status.RATE_LIMITED:
                outcome, retry_after = SlotOutcome.LIMITED, error.retry_after
            elif error.status in _NOT_SENT:
                outcome = SlotOutcome.NOT_SENT
            raise
        except asyncio.TimeoutError as error:
            raise LockSyncError(Status.TIMEOUT) from error
        finally:
            if slot is not None:
                settle = functools.partial(_settle, slot, outcome, retry_after)
                if context._guard_kept.may_block:
                    await asyncio.to_thread(settle)
                else:
                    settle()

    async def _slot(self, kind: RequestKind, end: float) -> Slot:
        """Returns a slot. In the mode WAIT it waits until `end` for one."""
        context = self._context
        while True:
            context._check_not_stopped()
            try:
                lease = max(end - self._loop.time(), 0.001)
                reserve = functools.partial(context._guard_kept.reserve, kind, lease=lease)
                return await _slot_of_thread(reserve) if context._guard_kept.may_block else reserve()
            except LockSyncError as error:
                wait = error.retry_after
                if context._guard_mode != GuardMode.WAIT or wait is None or self._loop.time() + wait > end:
                    raise
            await asyncio.sleep(wait)


async def fetch_directory(context: "Context", send: Send) -> Directory:
    fetch, pages = Fetch(context, send), list[Directory]()
    while not pages or pages[-1].has_more:
        if len(pages) == _PAGES:
            raise LockSyncError(Status.TOO_LARGE, f"the directory has more than {_PAGES} pages")
        kind = RequestKind.OTHER if pages else RequestKind.DIRECTORY
        build = functools.partial(context.build_directory, len(pages) + 1)
        pages.append(await fetch.run(build, kind, context.decode_directory))
    return directory_joined(pages)
