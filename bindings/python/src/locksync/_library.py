"""Finds and loads the C library: beside this file if the wheel carries it, otherwise the system's."""
import ctypes
import os
import pathlib
from functools import cache

from ._capi import Library, RedisLibrary

_FOLDER = pathlib.Path(__file__).parent


def _load(name: str, variable: str) -> ctypes.CDLL:
    place = os.environ.get(variable)
    if place is None:
        carried = _FOLDER / name
        place = str(carried) if carried.exists() else name
    return ctypes.CDLL(place)  # releases the interpreter's lock during each call


def _library() -> Library:
    try:
        library = _load("liblocksync.so.0", "LOCKSYNC_LIBRARY")
    except OSError as error:
        raise ImportError(f"locksync needs the C library, which was not found ({error}). Install the Debian package "
                          "liblocksync0, or a wheel of locksync that carries the library.") from error
    try:
        return Library(library)
    except AttributeError as error:
        raise ImportError(f"locksync needs a later version of the C library: {error}") from error


lib = _library()


@cache
def redis_library() -> RedisLibrary:
    """Loads liblocksync-redis when a guard in Redis is first used."""
    try:
        return RedisLibrary(_load("liblocksync-redis.so.0", "LOCKSYNC_REDIS_LIBRARY"))
    except OSError as error:
        raise ImportError(f"a guard in Redis needs the library liblocksync-redis, which was not found ({error}). "
                          "Install the Debian package liblocksync-redis0.") from error
