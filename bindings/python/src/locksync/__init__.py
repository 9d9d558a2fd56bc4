"""The state of a user's smart locks, by the C library liblocksync.

    with locksync.Context(personal_key=key) as context:
        for lock in context.fetch():
            print(lock.id, lock.is_locked)

Times are aware datetimes, durations are seconds. An unknown value is None, so `is_locked` is True, False or None. A
number without a name in this version is kept. Failures raise LockSyncError. One thread at a time may use a context;
another may call cancel().
"""
from ._callbacks import Logger, Token, TokenProvider, Transport
from ._capi import (Access, ChangeKind, Device, Door, GuardMode, LogLevel, RequestKind, SlotOutcome, State, Status)
from ._context import Context
from ._errors import InvalidArgumentError, LockSyncError
from ._guard import Guard, Redis, Slot
from ._http import Request, Response
from ._library import lib as _lib
from ._pool import AsyncWatch, Pool
from ._records import Change, Changes, Directory, Lock, LockInfo, Results
from ._through import Send
from ._values import text_of as _text_of
from ._watch import Watch

__all__ = ["Access", "AsyncWatch", "Change", "ChangeKind", "Changes", "Context", "Device", "Directory", "Door", "Guard",
           "GuardMode", "InvalidArgumentError", "Lock", "LockInfo", "LockSyncError", "LogLevel", "Logger", "Pool",
           "Redis", "Request", "RequestKind", "Response", "Results", "Send", "Slot", "SlotOutcome", "State", "Status",
           "Token", "TokenProvider", "Transport", "Watch", "door_name", "state_name", "version"]


def version() -> str:
    """Returns the version of the C library in use."""
    return _text_of(_lib.version())


def state_name(state: State | int) -> str:
    """Returns the name of a lock state for people: "locked", "semi-locked", ..., "unknown"."""
    return _text_of(_lib.lock_state_name(state))


def door_name(door_state: Door | int) -> str:
    """Returns the name of a door state for people: "opened", "not paired", ..., "unknown"."""
    return _text_of(_lib.door_state_name(door_state))
