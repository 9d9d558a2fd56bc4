"""Requests and responses, for transports and for programs with their own HTTP client."""
import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Any

from ._errors import check
from ._handle import Owned
from ._library import lib
from ._values import each, encoded, integer, text_of


@dataclasses.dataclass(frozen=True)
class Request:
    """A request to send once, without following redirects. Do not log its headers: they contain the credential."""
    method: str
    url: str
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    timeout: float  # seconds for all of it
    connect_timeout: float
    _owner: Owned | None = dataclasses.field(default=None, repr=False, compare=False)
    _is_directory: bool = dataclasses.field(default=False, repr=False, compare=False)
    _is_cancelled: Callable[[], bool] = dataclasses.field(default=lambda: False, repr=False, compare=False)

    @property
    def is_cancelled(self) -> bool:
        """True: a transport must stop soon, because the fetch was cancelled. Only while the transport runs."""
        return self._is_cancelled()


def request_of(handle: Any, owner: Owned | None = None, is_directory: bool = False,
               is_cancelled: Callable[[], bool] = lambda: False) -> Request:
    count = lib.request_header_count(handle)
    names = map(text_of, each(lib.request_header_name, handle, count))
    values = map(text_of, each(lib.request_header_value, handle, count))
    return Request(text_of(lib.request_method(handle)), text_of(lib.request_url(handle)),
                   types.MappingProxyType(dict(zip(names, values))), lib.request_timeout_ms(handle) / 1000,
                   lib.request_connect_timeout_ms(handle) / 1000, owner, is_directory, is_cancelled)


def request_taken(handle: int, is_directory: bool) -> Request:
    return request_of(handle, Owned(handle, lib.request_free), is_directory)


@dataclasses.dataclass(frozen=True)
class Response:
    """A response, whatever its status. The body must be decoded (no gzip)."""
    status: int
    body: bytes = dataclasses.field(default=b"", repr=False)
    headers: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict[str, str]())

    def _fill(self, response: Any) -> None:
        check(lib.response_set_status(response, integer(self.status, "i")))
        for name, value in self.headers.items():
            check(lib.response_add_header(response, encoded(name), encoded(value)))
        check(lib.response_append_body(response, bytes(self.body), len(self.body)))
