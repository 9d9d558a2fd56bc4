"""Copies what the C library returns into Python's objects, as the base of locksync.py."""
import dataclasses
from datetime import datetime, timedelta, timezone

from _capi import Access, ChangeKind, Device, Door, Field, State, lib

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(ms):
    return EPOCH + timedelta(milliseconds=ms)


def string(text):
    return None if text is None else text.decode(errors="replace")


def each(at, handle, count):
    return (at(handle, i) for i in range(count))


def named(kind, number):
    try:
        return kind(number)
    except ValueError:
        return number


@dataclasses.dataclass(frozen=True)
class Lock:
    id: int
    revision: int | None
    state: State | int | None
    door_state: Door | int | None
    battery_level: int | None  # percent
    state_change_result: int | None  # 0 success, 1 jammed, others errors
    last_state_changed: datetime | None
    is_connected: bool | None
    is_charging: bool | None
    is_locked: bool | None
    is_jammed: bool | None
    state_name: str  # for people: "locked", "semi-locked", ..., "unknown"
    door_state_name: str

    @classmethod
    def _of(cls, pointer):
        record = pointer.contents

        def sent(field, value, convert=lambda value: value):
            return convert(value) if record.fields & field else None

        return cls(record.id, sent(Field.REVISION, record.revision),
                   sent(Field.STATE, record.state, lambda number: named(State, number)),
                   sent(Field.DOOR_STATE, record.door_state, lambda number: named(Door, number)),
                   sent(Field.BATTERY_LEVEL, record.battery_level),
                   sent(Field.STATE_CHANGE_RESULT, record.state_change_result),
                   sent(Field.LAST_STATE_CHANGED, record.last_state_changed_ms, moment),
                   sent(Field.CONNECTED, record.is_connected), sent(Field.CHARGING, record.is_charging),
                   _TRISTATES[lib.lock_sync_lock_is_locked(pointer)], _TRISTATES[lib.lock_sync_lock_is_jammed(pointer)],
                   string(lib.lock_sync_lock_state_text(pointer)), string(lib.lock_sync_lock_door_text(pointer)))


_TRISTATES = {0: False, 1: True, 2: None}


@dataclasses.dataclass(frozen=True)
class Results:
    """The results of a fetch: an iterable of locks in the service's order."""
    locks: tuple[Lock, ...]
    missing: tuple[int, ...]  # requested ids that were not found
    fetched_at: datetime
    is_cached: bool

    @classmethod
    def _of(cls, handle):
        locks = each(lib.lock_sync_results_at, handle, lib.lock_sync_results_count(handle))
        missing = each(lib.lock_sync_results_missing_at, handle, lib.lock_sync_results_missing_count(handle))
        return cls(tuple(map(Lock._of, locks)), tuple(missing), moment(lib.lock_sync_results_fetched_at_ms(handle)),
                   lib.lock_sync_results_is_cached(handle))

    @classmethod
    def _take(cls, handle):
        try:
            return cls._of(handle)
        finally:
            lib.lock_sync_results_free(handle)

    def __iter__(self):
        return iter(self.locks)

    def __len__(self):
        return len(self.locks)


@dataclasses.dataclass(frozen=True)
class Change:
    """The changes of one lock."""
    kinds: ChangeKind
    before: Lock | None  # None: added
    after: Lock | None  # None: removed

    @classmethod
    def _of(cls, pointer):
        change = pointer.contents
        return cls(ChangeKind(change.kinds), *(Lock._of(lock) if lock else None
                                               for lock in (change.before, change.after)))


class Changes(list):
    """A list of Change, with the results after them. Draw a display from `results`, never from changes alone."""
    results: Results

    @classmethod
    def _of(cls, watch, changes):
        self = cls(map(Change._of, each(lib.lock_sync_changes_at, changes, lib.lock_sync_changes_count(changes))))
        self.results = Results._of(lib.lock_sync_watch_results(watch))
        return self


@dataclasses.dataclass(frozen=True)
class LockInfo:
    """The name of a lock, and what else rarely changes."""
    id: int
    name: str | None  # two locks may have the same
    serial_number: str | None
    time_zone: str | None
    bridge_id: int | None
    organization_id: int | None
    type: Device | int | None
    access_level: Access | int | None

    @classmethod
    def _of(cls, pointer):
        info = pointer.contents
        return cls(info.id, string(info.name), string(info.serial_number), string(info.time_zone),
                   info.bridge_id or None, info.organization_id or None,
                   named(Device, info.type) if info.type else None,
                   named(Access, info.access_level) if info.access_level >= 0 else None)


@dataclasses.dataclass(frozen=True)
class Directory:
    """The names of all locks of an account: an iterable of LockInfo in the service's order."""
    locks: tuple[LockInfo, ...]
    results: Results  # their states

    @classmethod
    def _take(cls, handle):
        try:
            locks = each(lib.lock_sync_directory_at, handle, lib.lock_sync_directory_count(handle))
            return cls(tuple(map(LockInfo._of, locks)), Results._of(lib.lock_sync_directory_results(handle)))
        finally:
            lib.lock_sync_directory_free(handle)

    def __iter__(self):
        return iter(self.locks)

    def __len__(self):
        return len(self.locks)
