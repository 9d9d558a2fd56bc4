"""The exceptions that the package raises."""
from typing import Any

from ._capi import Status
from ._library import lib
from ._values import each, named, string, text_of


class LockSyncError(Exception):
    """Why a call failed: `status` is the kind, the text says what happened. Values that do not apply are None.

    It can be pickled and copied. Its __cause__ is the exception that your callback raised.
    """
    status: Status | int
    message: str
    http_status: int | None  # of the response that made the call fail
    retry_after: float | None  # seconds until the guard or the service allows a request
    correlation_id: str | None  # the service's support asks for it
    api_messages: tuple[str, ...]  # the service's errorMessages
    byte_offset: int | None  # where the body stopped being JSON
    is_retryable: bool  # the same call may succeed later

    def __init__(self, status: Status | int, message: str | None = None, *, http_status: int | None = None,
                 retry_after: float | None = None, correlation_id: str | None = None,
                 api_messages: tuple[str, ...] = (), byte_offset: int | None = None) -> None:
        self.status = named(Status, status)
        self.message = text_of(lib.status_message(status)) if message is None else message
        self.http_status = http_status
        self.retry_after = retry_after
        self.correlation_id = correlation_id
        self.api_messages = api_messages
        self.byte_offset = byte_offset
        self.is_retryable = lib.status_is_retryable(status)
        super().__init__(self.status, self.message)  # the arguments with which pickle and copy make another

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(LockSyncError, ValueError):
    """A value that the library rejects: LockSyncError with Status.INVALID_ARGUMENT. The text says why."""


def failure(status: int, message: str | None = None, **detail: Any) -> LockSyncError:
    """Returns the exception for a status."""
    kind = InvalidArgumentError if status == Status.INVALID_ARGUMENT else LockSyncError
    return kind(status, message, **detail)


def error_of(context: Any, status: int) -> LockSyncError:
    """Returns the error of a context's last call, which returned this status."""
    error = lib.last_error(context)
    if lib.error_status(error) != status:  # a call that failed with BUSY leaves no detail
        return failure(status)
    retry_after_ms = lib.error_retry_after_ms(error)
    byte_offset = lib.error_byte_offset(error)
    messages = each(lib.error_api_message_at, error, lib.error_api_message_count(error))
    return failure(status, string(lib.error_message(error)), http_status=lib.error_http_status(error) or None,
                   retry_after=None if retry_after_ms < 0 else retry_after_ms / 1000,
                   correlation_id=string(lib.error_correlation_id(error)),
                   api_messages=tuple(map(text_of, messages)),
                   byte_offset=None if byte_offset < 0 else byte_offset)


def check(status: int) -> None:
    """Raises the error of a function that has no context."""
    if status != Status.OK:
        raise failure(status)
