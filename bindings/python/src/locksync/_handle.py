"""Objects of the C library, and when they are freed."""
import weakref
from collections.abc import Callable
from ctypes import byref, c_void_p
from types import TracebackType
from typing import Any, TypeVar

from ._errors import check

Self = TypeVar("Self", bound="Handle")


def made(new: Callable[..., int], *arguments: Any) -> int:
    """Returns the object that a function of C makes."""
    out = c_void_p()
    check(new(*arguments, byref(out)))
    return out.value or 0


class Owned:
    """An object of the C library that other objects share: it is freed when the last of them is collected."""
    __slots__ = ("handle", "_free")

    def __init__(self, handle: int, free: Callable[[int], object]) -> None:
        self.handle: int | None = handle
        self._free = free

    def __del__(self) -> None:
        if self.handle is not None:
            self._free(self.handle)

    def released(self) -> int | None:
        """Returns the object, which the caller now owns."""
        handle, self.handle = self.handle, None
        return handle


class Handle:
    """An object of the C library, freed by close(), at the end of a with block, or by the garbage collector."""

    def __init__(self, free: Callable[[int], object], handle: int) -> None:
        self._handle: int | None = handle
        self._free = weakref.finalize(self, free, handle)
        self._free.atexit = False  # a thread may use it while the interpreter ends

    @property
    def is_closed(self) -> bool:
        return self._handle is None

    def close(self) -> None:
        """Frees the object. Closing it again does nothing."""
        self._handle = None  # every function of the library rejects it
        self._free()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()
