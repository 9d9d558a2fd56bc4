"""Declares the C library for ctypes, as the base of locksync.py. tests/bindings compares it with the C header."""
import ctypes
import enum
import os
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

lib = ctypes.CDLL(os.environ.get("LOCKSYNC_LIBRARY", "liblocksync.so.0"))  # CDLL releases the GIL during a call


class Status(enum.IntEnum):
    OK = 0
    INVALID_ARGUMENT = 1
    NO_MEMORY = 2
    NO_CREDENTIAL = 3
    CANCELLED = 4
    TIMEOUT = 5
    RESOLVE = 6
    CONNECT = 7
    TLS = 8
    NETWORK = 9
    TOO_LARGE = 10
    MALFORMED = 11
    TOO_SOON = 12
    RATE_LIMITED = 13
    UNAUTHORIZED = 14
    FORBIDDEN = 15
    NOT_FOUND = 16
    SERVER = 17
    HTTP = 18
    API = 19
    GUARD = 20
    NO_TRANSPORT = 21
    BUSY = 22


class State(enum.IntEnum):
    UNCALIBRATED = 0
    CALIBRATING = 1
    UNLOCKED = 2
    SEMI_LOCKED = 3
    UNLOCKING = 4
    LOCKING = 5
    LOCKED = 6
    PULLED = 7
    PULLING = 8
    UNKNOWN = 9
    UPDATING = 18
    UNPULLING = 255


class Door(enum.IntEnum):
    NOT_PAIRED = 0
    DISCONNECTED = 1
    OPENED = 2
    CLOSED = 3
    UNCALIBRATED = 4


class GuardMode(enum.IntEnum):
    FAIL = 0
    WAIT = 1
    CACHED = 2
    OFF = 3


class LogLevel(enum.IntEnum):
    ERROR = 0
    WARNING = 1
    INFO = 2
    DEBUG = 3


class ChangeKind(enum.IntFlag):
    ADDED = 1
    REMOVED = 2
    CONNECTED = 4
    DISCONNECTED = 8
    STATE = 16
    DOOR = 32
    BATTERY = 64
    CHARGING = 128
    RESULT = 256
    CONFIG = 512
    RENAMED = 1024
    NEW_ID = 2048


class Field(enum.IntFlag):
    CONNECTED = 1
    REVISION = 2
    DEVICE_STATE = 4
    STATE = 8
    DOOR_STATE = 16
    CHARGING = 32
    BATTERY_LEVEL = 64
    STATE_CHANGE_RESULT = 128
    LAST_STATE_CHANGED = 256


class Device(enum.IntEnum):
    BRIDGE = 1
    LOCK_PRO = 2
    KEYPAD = 3
    LOCK_GO = 4
    GATE = 5
    DRY_CONTACT = 6
    DOOR_SENSOR = 8
    KEYPAD_PRO = 10


class Access(enum.IntEnum):
    GUEST = 0
    ADMIN = 1
    OWNER = 2
    NONE = 3


class LockStruct(ctypes.Structure):
    _fields_ = [("id", c_int64), ("revision", c_int64), ("last_state_changed_ms", c_int64), ("fields", c_uint32),
                ("state", c_int32), ("door_state", c_int32), ("battery_level", c_int32),
                ("state_change_result", c_int32), ("is_connected", c_bool), ("is_charging", c_bool)]


class LockInfoStruct(ctypes.Structure):
    _fields_ = [("id", c_int64), ("name", c_char_p), ("serial_number", c_char_p), ("time_zone", c_char_p),
                ("bridge_id", c_int64), ("organization_id", c_int64), ("type", c_int32), ("access_level", c_int32)]


class ChangeStruct(ctypes.Structure):
    _fields_ = [("kinds", c_uint32), ("before", POINTER(LockStruct)), ("after", POINTER(LockStruct)),
                ("info", POINTER(LockInfoStruct))]


LogFn = CFUNCTYPE(None, c_void_p, c_int32, c_char_p)
TokenFn = CFUNCTYPE(c_int32, c_void_p, c_void_p, c_bool)
DoneFn = CFUNCTYPE(None, c_void_p, c_void_p, c_int32, c_void_p)
DirectoryFn = CFUNCTYPE(None, c_void_p, c_void_p, c_int32, c_void_p)
WatchFn = CFUNCTYPE(None, c_void_p, c_void_p, c_int32, c_void_p)
PerformFn = CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p)
EndFn = CFUNCTYPE(None, c_void_p)


class TransportStruct(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("user", c_void_p), ("perform", PerformFn), ("cancel", EndFn),
                ("destroy", EndFn)]


# Each function in use: its result type, then its argument types.
PROTOTYPES = {
    "version": (c_char_p,),
    "ctx_new": (c_int32, POINTER(c_void_p)),
    "ctx_free": (None, c_void_p),
    "set_personal_key": (c_int32, c_void_p, c_char_p),
    "set_access_token": (c_int32, c_void_p, c_char_p),
    "set_access_token_until": (c_int32, c_void_p, c_char_p, c_int64),
    "set_token_provider": (c_int32, c_void_p, TokenFn, c_void_p),
    "set_base_url": (c_int32, c_void_p, c_char_p),
    "set_api_version": (c_int32, c_void_p, c_char_p),
    "set_connect_timeout_ms": (c_int32, c_void_p, c_int64),
    "set_timeout_ms": (c_int32, c_void_p, c_int64),
    "set_max_idle_ms": (c_int32, c_void_p, c_int64),
    "set_max_response_bytes": (c_int32, c_void_p, c_uint64),
    "set_allow_http": (c_int32, c_void_p, c_bool),
    "set_ca_file": (c_int32, c_void_p, c_char_p),
    "set_proxy": (c_int32, c_void_p, c_char_p),
    "set_user_agent": (c_int32, c_void_p, c_char_p),
    "set_logger": (c_int32, c_void_p, LogFn, c_void_p),
    "set_transport": (c_int32, c_void_p, POINTER(TransportStruct)),
    "set_guard": (c_int32, c_void_p, c_void_p),
    "set_guard_mode": (c_int32, c_void_p, c_int32),
    "fetch": (c_int32, c_void_p, POINTER(c_int64), c_size_t, POINTER(c_void_p)),
    "fetch_one": (c_int32, c_void_p, c_int64, POINTER(c_void_p)),
    "fetch_directory": (c_int32, c_void_p, POINTER(c_void_p)),
    "cancel": (None, c_void_p),
    "last_error": (c_void_p, c_void_p),
    "error_status": (c_int32, c_void_p),
    "error_http_status": (c_int32, c_void_p),
    "error_retry_after_ms": (c_int64, c_void_p),
    "error_message": (c_char_p, c_void_p),
    "error_correlation_id": (c_char_p, c_void_p),
    "error_api_message_count": (c_size_t, c_void_p),
    "error_api_message_at": (c_char_p, c_void_p, c_size_t),
    "error_byte_offset": (c_int64, c_void_p),
    "status_message": (c_char_p, c_int32),
    "status_is_retryable": (c_bool, c_int32),
    "results_count": (c_size_t, c_void_p),
    "results_at": (POINTER(LockStruct), c_void_p, c_size_t),
    "results_missing_count": (c_size_t, c_void_p),
    "results_missing_at": (c_int64, c_void_p, c_size_t),
    "results_fetched_at_ms": (c_int64, c_void_p),
    "results_is_cached": (c_bool, c_void_p),
    "results_free": (None, c_void_p),
    "directory_count": (c_size_t, c_void_p),
    "directory_at": (POINTER(LockInfoStruct), c_void_p, c_size_t),
    "directory_results": (c_void_p, c_void_p),
    "directory_free": (None, c_void_p),
    "lock_is_locked": (c_int32, POINTER(LockStruct)),
    "lock_is_jammed": (c_int32, POINTER(LockStruct)),
    "lock_state_text": (c_char_p, POINTER(LockStruct)),
    "lock_door_text": (c_char_p, POINTER(LockStruct)),
    "request_method": (c_char_p, c_void_p),
    "request_url": (c_char_p, c_void_p),
    "request_header_count": (c_size_t, c_void_p),
    "request_header_name": (c_char_p, c_void_p, c_size_t),
    "request_header_value": (c_char_p, c_void_p, c_size_t),
    "request_timeout_ms": (c_int64, c_void_p),
    "response_set_status": (c_int32, c_void_p, c_int32),
    "response_add_header": (c_int32, c_void_p, c_char_p, c_char_p),
    "response_append_body": (c_int32, c_void_p, c_void_p, c_size_t),
    "guard_new": (c_int32, POINTER(c_void_p)),
    "guard_open_file": (c_int32, c_char_p, POINTER(c_void_p)),
    "guard_unref": (None, c_void_p),
    "guard_set_min_interval_ms": (c_int32, c_void_p, c_int64),
    "guard_set_hourly_budget": (c_int32, c_void_p, c_uint32, c_uint32),
    "pool_new": (c_int32, POINTER(c_void_p)),
    "pool_submit": (c_int32, c_void_p, c_void_p, POINTER(c_int64), c_size_t, DoneFn, c_void_p),
    "pool_fd": (c_int, c_void_p),
    "pool_dispatch": (c_int32, c_void_p),
    "pool_watch": (c_int32, c_void_p, c_void_p, WatchFn, c_void_p),
    "pool_free": (None, c_void_p),
    "watch_new": (c_int32, c_void_p, POINTER(c_int64), c_size_t, POINTER(c_void_p)),
    "watch_set_interval_ms": (c_int32, c_void_p, c_int64),
    "watch_next": (c_int32, c_void_p, c_int64, POINTER(c_void_p)),
    "watch_results": (c_void_p, c_void_p),
    "watch_last_status": (c_int32, c_void_p),
    "watch_age_ms": (c_int64, c_void_p),
    "watch_free": (None, c_void_p),
    "changes_count": (c_size_t, c_void_p),
    "changes_at": (POINTER(ChangeStruct), c_void_p, c_size_t),
    "changes_free": (None, c_void_p),
}
for _name, (_result, *_arguments) in PROTOTYPES.items():
    _function = getattr(lib, "lock_sync_" + _name)
    _function.restype, _function.argtypes = _result, _arguments
