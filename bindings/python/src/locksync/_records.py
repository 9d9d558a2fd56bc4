"""Copies of what the C library returns, as objects of Python."""
import ctypes
import dataclasses
from collections.abc import Iterator
from ctypes import byref, c_void_p
from datetime import datetime
from typing import Any

from ._capi import Access, ChangeKind, ChangeStruct, Device, Door, Field, LockInfoStruct, LockStruct, State
from ._errors import check
from ._handle import Owned
from ._library import lib
from ._values import each, moment, named, string, text_of

_TRISTATES = {0: False, 1: True, 2: None}
_STATES: dict[int | None, State] = {int(state): state for state in State}
_DOORS: dict[int | None, Door] = {int(door): door for door in Door}
_CONNECTED, _REVISION, _STATE, _DOOR = (int(Field.CONNECTED), int(Field.REVISION), int(Field.STATE),
                                        int(Field.DOOR_STATE))
_CHARGING, _BATTERY, _RESULT, _CHANGED = (int(Field.CHARGING), int(Field.BATTERY_LEVEL),
                                          int(Field.STATE_CHANGE_RESULT), int(Field.LAST_STATE_CHANGED))


@dataclasses.dataclass(frozen=True, slots=True)
class Lock:
    """The state of one lock. An unknown value is None."""
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


# A frozen object is filled through its slots: its __init__ takes three times as long.
_PUT = [getattr(Lock, field.name).__set__ for field in dataclasses.fields(Lock)]
Derived = tuple[bool | None, bool | None, str, str]
_derived: dict[tuple[Any, ...], Derived] = {}


def _derive(record: LockStruct) -> Derived:
    """Returns is_locked, is_jammed and the names. The C library decides each combination of values once."""
    key = (record.fields, record.state, record.door_state, record.state_change_result, record.is_connected)
    found = _derived.get(key)
    if found is None:
        at = ctypes.addressof(record)
        found = (_TRISTATES[lib.lock_is_locked(at)], _TRISTATES[lib.lock_is_jammed(at)],
                 text_of(lib.lock_state_text(at)), text_of(lib.lock_door_text(at)))
        if len(_derived) < 1000:  # the service sends any number
            _derived[key] = found
    return found


def lock_of(address: int) -> Lock:
    record = LockStruct.from_address(address)
    fields = record.fields
    state = record.state if fields & _STATE else None
    door = record.door_state if fields & _DOOR else None
    lock = object.__new__(Lock)
    values = (record.id, record.revision if fields & _REVISION else None, _STATES.get(state, state),
              _DOORS.get(door, door), record.battery_level if fields & _BATTERY else None,
              record.state_change_result if fields & _RESULT else None,
              moment(record.last_state_changed_ms) if fields & _CHANGED else None,
              record.is_connected if fields & _CONNECTED else None, record.is_charging if fields & _CHARGING else None,
              *_derive(record))
    for put, value in zip(_PUT, values):
        put(lock, value)
    return lock


@dataclasses.dataclass(frozen=True)
class Results:
    """The results of a fetch: an iterable of locks in the service's order. `results[id]` is the lock of an id."""
    locks: tuple[Lock, ...]
    missing: tuple[int, ...]  # requested ids that were not found
    fetched_at: datetime
    is_cached: bool
    _owner: Owned | None = dataclasses.field(default=None, repr=False, compare=False)
    _handle: int | None = dataclasses.field(default=None, repr=False, compare=False)
    _by_id: dict[int, Lock] = dataclasses.field(default_factory=lambda: dict[int, Lock](), repr=False, compare=False)

    def find(self, lock_id: int) -> Lock | None:
        """Returns the lock of an id, or None."""
        if not self._by_id:
            self._by_id.update((lock.id, lock) for lock in self.locks)
        return self._by_id.get(lock_id)

    def __getitem__(self, lock_id: int) -> Lock:
        lock = self.find(lock_id)
        if lock is None:
            raise KeyError(lock_id)
        return lock

    def __contains__(self, lock_or_id: object) -> bool:
        if isinstance(lock_or_id, int):
            return self.find(lock_or_id) is not None
        return lock_or_id in self.locks

    def __iter__(self) -> Iterator[Lock]:
        return iter(self.locks)

    def __len__(self) -> int:
        return len(self.locks)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_owner": None, "_handle": None, "_by_id": {}}

    def diff(self, later: "Results") -> "list[Change]":
        """Returns the changes from these results to later ones of the same account, by ascending id.

        Both must come from a fetch. Results of a watch, and pickled ones, cannot be compared.
        """
        mine, other = self._compared(), later._compared()
        out = c_void_p()
        check(lib.diff(mine, other, byref(out)))
        try:
            return list(changes_of(out))
        finally:
            lib.changes_free(out)

    def _compared(self) -> int:
        if self._handle is None or self._owner is not None and self._owner.handle is None:
            raise ValueError("results of a watch, of several pages, and pickled ones, cannot be compared")
        return self._handle


def results_of(handle: Any, owner: Owned | None = None) -> Results:
    """Copies results. With an owner, which keeps the C library's, they can be compared."""
    locks = map(lock_of, each(lib.results_at, handle, lib.results_count(handle)))
    missing = each(lib.results_missing_at, handle, lib.results_missing_count(handle))
    return Results(tuple(locks), tuple(missing), moment(lib.results_fetched_at_ms(handle)),
                   lib.results_is_cached(handle), owner, None if owner is None else handle)


def results_taken(handle: int) -> Results:
    return results_of(handle, Owned(handle, lib.results_free))


@dataclasses.dataclass(frozen=True)
class LockInfo:
    """The name of a lock, and what else rarely changes. A value that was not sent is None."""
    id: int
    name: str | None  # two locks may have the same
    serial_number: str | None
    time_zone: str | None
    bridge_id: int | None
    organization_id: int | None
    type: Device | int | None
    access_level: Access | int | None


def info_of(address: int) -> LockInfo:
    info = LockInfoStruct.from_address(address)
    return LockInfo(info.id, string(info.name), string(info.serial_number), string(info.time_zone),
                    info.bridge_id or None, info.organization_id or None,
                    named(Device, info.type) if info.type else None,
                    named(Access, info.access_level) if info.access_level >= 0 else None)


@dataclasses.dataclass(frozen=True)
class Directory:
    """The names of all locks of an account: an iterable of LockInfo in the service's order."""
    locks: tuple[LockInfo, ...]
    results: Results  # their states
    fetched_at: datetime
    has_more: bool = False  # locks may be missing that are on the next page: for a program that does its own HTTP
    _owner: Owned | None = dataclasses.field(default=None, repr=False, compare=False)

    def find(self, lock_id: int) -> LockInfo | None:
        """Returns the lock of an id, or None."""
        return next((info for info in self.locks if info.id == lock_id), None)

    def find_serial(self, serial_number: str) -> LockInfo | None:
        """Returns the lock of a serial number, or None. Ids change, serial numbers do not."""
        return next((info for info in self.locks if info.serial_number == serial_number), None)

    def find_name(self, name: str) -> tuple[LockInfo, ...]:
        """Returns all locks of a name. A program that acts on a lock must stop unless it is one."""
        return tuple(info for info in self.locks if info.name == name)

    def __getitem__(self, lock_id: int) -> LockInfo:
        info = self.find(lock_id)
        if info is None:
            raise KeyError(lock_id)
        return info

    def __iter__(self) -> Iterator[LockInfo]:
        return iter(self.locks)

    def __len__(self) -> int:
        return len(self.locks)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_owner": None}


def directory_of(handle: Any, owner: Owned | None = None) -> Directory:
    locks = map(info_of, each(lib.directory_at, handle, lib.directory_count(handle)))
    return Directory(tuple(locks), results_of(lib.directory_results(handle), owner),
                     moment(lib.directory_fetched_at_ms(handle)), lib.directory_has_more(handle), owner)


def directory_taken(handle: int) -> Directory:
    return directory_of(handle, Owned(handle, lib.directory_free))


def directory_joined(pages: list[Directory]) -> Directory:
    """Returns the directory of all pages. If a lock is on two, the later one holds."""
    if len(pages) == 1:
        return pages[0]  # a watch can use it
    last, infos, states = pages[-1], dict[int, LockInfo](), dict[int, Lock]()
    for page in pages:
        for info in page:
            infos.pop(info.id, None)
            infos[info.id] = info
        for lock in page.results:
            states.pop(lock.id, None)
            states[lock.id] = lock
    return Directory(tuple(infos.values()), Results(tuple(states.values()), (), last.fetched_at, False),
                     last.fetched_at)


@dataclasses.dataclass(frozen=True)
class Change:
    """The changes of one lock."""
    kinds: ChangeKind
    before: Lock | None  # None: added
    after: Lock | None  # None: removed
    info: LockInfo | None  # its name and serial number, if the watch follows the directory

    @property
    def lock(self) -> Lock:
        """The lock now, or, if it was removed, before."""
        lock = self.after or self.before
        assert lock is not None  # the C library has one of them
        return lock


def changes_of(handle: Any) -> Iterator[Change]:
    for address in each(lib.changes_at, handle, lib.changes_count(handle)):
        change = ChangeStruct.from_address(address)
        yield Change(ChangeKind(change.kinds), lock_of(change.before) if change.before else None,
                     lock_of(change.after) if change.after else None, info_of(change.info) if change.info else None)


class Changes(list[Change]):
    """A list of Change, with the results after them. Draw a display from `results`, never from changes alone."""
    results: Results


def watched(watch: Any, handle: Any) -> Changes:
    changes = Changes(changes_of(handle))
    changes.results = results_of(lib.watch_results(watch))
    return changes
