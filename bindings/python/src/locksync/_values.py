"""Values to C and from C. They are checked, because ctypes would cut them."""
import array
import ctypes
import enum
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeVar

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
Enumeration = TypeVar("Enumeration", bound=enum.IntEnum)
T = TypeVar("T")


class Keep(enum.Enum):
    """The default of a setting that is not given: it stays as it is."""
    KEEP = 0

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep.KEEP


def moment(ms: int) -> datetime:
    if 0 <= ms < 1 << 42:  # faster, and exact to the ms until the year 2109
        return datetime.fromtimestamp(ms / 1000, timezone.utc)
    return EPOCH + timedelta(milliseconds=ms)


def string(text: bytes | None) -> str | None:
    return None if text is None else text.decode(errors="replace")


def text_of(text: bytes | None) -> str:
    """Like string(), for a function of C that never returns NULL."""
    return "" if text is None else text.decode(errors="replace")


def each(at: Callable[[Any, int], T], handle: Any, count: int) -> Iterator[T]:
    return (at(handle, i) for i in range(count))


def named(kind: type[Enumeration], number: int) -> Enumeration | int:
    """Returns the enumerator of a number; a number that has no name in this version stays as it is."""
    try:
        return kind(number)
    except ValueError:
        return number


def integer(number: int, kind: str = "q") -> int:
    """Returns a number that fits into C's type: q int64, i int32, I uint32, Q uint64."""
    return int(array.array(kind, [number])[0])


def ids_of(ids: Iterable[int] | None) -> tuple[Any, int]:
    """Returns the array of ids and its size; None: all locks."""
    if ids is None:
        return None, 0
    numbers = array.array("q", list(ids))
    if not numbers:
        raise ValueError("the list of ids is empty; pass None for all locks")
    for index, number in enumerate(numbers):
        if number <= 0:
            raise ValueError(f"ids[{index}] is {number}; a lock's id is greater than 0")
    return (ctypes.c_int64 * len(numbers)).from_buffer(numbers), len(numbers)


def lock_id_of(number: int) -> int:
    if number <= 0:
        raise ValueError(f"the id is {number}; a lock's id is greater than 0")
    return integer(number)


def serials_of(serial_numbers: Iterable[str]) -> tuple[Any, int]:
    """Returns the array of serial numbers and its size."""
    if isinstance(serial_numbers, str):
        raise TypeError("serial_numbers is one text; pass a list of texts")
    texts = list(map(encoded, serial_numbers))
    if not texts:
        raise ValueError("the list of serial numbers is empty; leave it out for all locks")
    if not all(texts):
        raise ValueError("a serial number is empty")
    return (ctypes.c_char_p * len(texts))(*texts), len(texts)


def ms_of(seconds: float | timedelta) -> int:
    return integer(round((seconds.total_seconds() if isinstance(seconds, timedelta) else seconds) * 1000))


def unix_ms_of(when: datetime) -> int:
    if when.tzinfo is None:
        raise ValueError("the time has no time zone")
    return integer((when - EPOCH) // timedelta(milliseconds=1))


def encoded(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("the text contains NUL")
    return text.encode()


def optional(text: str | None) -> bytes | None:
    return None if text is None else encoded(text)
