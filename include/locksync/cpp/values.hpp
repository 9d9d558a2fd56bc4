/**
 * @file
 * Values of the C++ interface: enumerations, times, and the arguments of calls.
 *
 * An enumeration keeps each number that the service sends, also one without a name in this version.
 */
#ifndef LOCKSYNC_CPP_VALUES_HPP
#define LOCKSYNC_CPP_VALUES_HPP

#include "../locksync.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace locksync
{

using std::chrono::milliseconds;

/** A moment in UTC. Milliseconds, because a clock of nanoseconds does not reach the years 1 to 9999. */
using time_point = std::chrono::time_point<std::chrono::system_clock, milliseconds>;

/** How a call ended: LOCK_SYNC_OK and LOCK_SYNC_E_*. */
enum class status : std::int32_t {
    ok = LOCK_SYNC_OK,
    invalid_argument = LOCK_SYNC_E_INVALID_ARGUMENT,
    no_memory = LOCK_SYNC_E_NO_MEMORY,
    no_credential = LOCK_SYNC_E_NO_CREDENTIAL,
    cancelled = LOCK_SYNC_E_CANCELLED,
    timeout = LOCK_SYNC_E_TIMEOUT,
    resolve = LOCK_SYNC_E_RESOLVE,
    connect = LOCK_SYNC_E_CONNECT,
    tls = LOCK_SYNC_E_TLS,
    network = LOCK_SYNC_E_NETWORK,
    too_large = LOCK_SYNC_E_TOO_LARGE,
    malformed = LOCK_SYNC_E_MALFORMED,
    too_soon = LOCK_SYNC_E_TOO_SOON,
    rate_limited = LOCK_SYNC_E_RATE_LIMITED,
    unauthorized = LOCK_SYNC_E_UNAUTHORIZED,
    forbidden = LOCK_SYNC_E_FORBIDDEN,
    not_found = LOCK_SYNC_E_NOT_FOUND,
    server = LOCK_SYNC_E_SERVER,
    http = LOCK_SYNC_E_HTTP,
    api = LOCK_SYNC_E_API,
    guard = LOCK_SYNC_E_GUARD,
    no_transport = LOCK_SYNC_E_NO_TRANSPORT,
    busy = LOCK_SYNC_E_BUSY
};

/** yes, no or unknown. It converts to no bool: compare it, as in `lock.is_locked() == tristate::yes`. */
using tristate = ::lock_sync_tristate;

/** LOCK_SYNC_STATE_*. */
enum class lock_state : std::int32_t {
    uncalibrated = LOCK_SYNC_STATE_UNCALIBRATED,
    calibrating = LOCK_SYNC_STATE_CALIBRATING,
    unlocked = LOCK_SYNC_STATE_UNLOCKED,
    semi_locked = LOCK_SYNC_STATE_SEMI_LOCKED,
    unlocking = LOCK_SYNC_STATE_UNLOCKING,
    locking = LOCK_SYNC_STATE_LOCKING,
    locked = LOCK_SYNC_STATE_LOCKED,
    pulled = LOCK_SYNC_STATE_PULLED,
    pulling = LOCK_SYNC_STATE_PULLING,
    unknown = LOCK_SYNC_STATE_UNKNOWN,
    updating = LOCK_SYNC_STATE_UPDATING,
    unpulling = LOCK_SYNC_STATE_UNPULLING
};

/** LOCK_SYNC_DOOR_*. */
enum class door_state : std::int32_t {
    not_paired = LOCK_SYNC_DOOR_NOT_PAIRED,
    disconnected = LOCK_SYNC_DOOR_DISCONNECTED,
    opened = LOCK_SYNC_DOOR_OPENED,
    closed = LOCK_SYNC_DOOR_CLOSED,
    uncalibrated = LOCK_SYNC_DOOR_UNCALIBRATED
};

/** LOCK_SYNC_DEVICE_*. */
enum class device_type : std::int32_t {
    bridge = LOCK_SYNC_DEVICE_BRIDGE,
    lock_pro = LOCK_SYNC_DEVICE_LOCK_PRO,
    keypad = LOCK_SYNC_DEVICE_KEYPAD,
    lock_go = LOCK_SYNC_DEVICE_LOCK_GO,
    gate = LOCK_SYNC_DEVICE_GATE,
    dry_contact = LOCK_SYNC_DEVICE_DRY_CONTACT,
    door_sensor = LOCK_SYNC_DEVICE_DOOR_SENSOR,
    keypad_pro = LOCK_SYNC_DEVICE_KEYPAD_PRO
};

/** LOCK_SYNC_ACCESS_*. */
enum class access_level : std::int32_t {
    guest = LOCK_SYNC_ACCESS_GUEST,
    admin = LOCK_SYNC_ACCESS_ADMIN,
    owner = LOCK_SYNC_ACCESS_OWNER,
    none = LOCK_SYNC_ACCESS_NONE
};

/** LOCK_SYNC_CHANGE_* bits. */
enum class change_kind : std::uint32_t {
    none = 0,
    added = LOCK_SYNC_CHANGE_ADDED,
    removed = LOCK_SYNC_CHANGE_REMOVED,
    connected = LOCK_SYNC_CHANGE_CONNECTED,
    disconnected = LOCK_SYNC_CHANGE_DISCONNECTED,
    state = LOCK_SYNC_CHANGE_STATE,
    door = LOCK_SYNC_CHANGE_DOOR,
    battery = LOCK_SYNC_CHANGE_BATTERY,
    charging = LOCK_SYNC_CHANGE_CHARGING,
    result = LOCK_SYNC_CHANGE_RESULT,
    config = LOCK_SYNC_CHANGE_CONFIG,
    renamed = LOCK_SYNC_CHANGE_RENAMED,
    new_id = LOCK_SYNC_CHANGE_NEW_ID
};

/** Returns the kinds of both. */
constexpr change_kind operator|(change_kind a, change_kind b) noexcept
{
    return static_cast<change_kind>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

/** Returns the kinds that both have. */
constexpr change_kind operator&(change_kind a, change_kind b) noexcept
{
    return static_cast<change_kind>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}

/** LOCK_SYNC_GUARD_*: how a fetch reacts when its guard denies a slot. */
enum class guard_mode : std::int32_t {
    fail = LOCK_SYNC_GUARD_FAIL,
    wait = LOCK_SYNC_GUARD_WAIT,
    cached = LOCK_SYNC_GUARD_CACHED,
    off = LOCK_SYNC_GUARD_OFF
};

/** LOCK_SYNC_REQUEST_*. */
enum class request_kind : std::int32_t {
    sync = LOCK_SYNC_REQUEST_SYNC,
    directory = LOCK_SYNC_REQUEST_DIRECTORY,
    other = LOCK_SYNC_REQUEST_OTHER
};

/** LOCK_SYNC_SLOT_*: how the request of a slot ended. */
enum class slot_outcome : std::int32_t {
    sent = LOCK_SYNC_SLOT_SENT,
    not_sent = LOCK_SYNC_SLOT_NOT_SENT,
    limited = LOCK_SYNC_SLOT_LIMITED
};

/** LOCK_SYNC_LOG_*. */
enum class log_level : std::int32_t {
    error = LOCK_SYNC_LOG_ERROR,
    warning = LOCK_SYNC_LOG_WARNING,
    info = LOCK_SYNC_LOG_INFO,
    debug = LOCK_SYNC_LOG_DEBUG
};

/** Returns the name of a status as written in the C header, for example "LOCK_SYNC_E_TOO_SOON". */
inline std::string_view name(status s) noexcept
{
    return lock_sync_status_name(static_cast<lock_sync_status>(s));
}

/** Returns the meaning of a status, in one sentence. */
inline std::string_view message(status s) noexcept
{
    return lock_sync_status_message(static_cast<lock_sync_status>(s));
}

/** Returns whether the same call may succeed later without a change by the caller. */
inline bool is_retryable(status s) noexcept
{
    return lock_sync_status_is_retryable(static_cast<lock_sync_status>(s));
}

/** Returns the name for people: "semi-locked"; "unknown" for a number without a name in this version. */
inline std::string_view name(lock_state s) noexcept
{
    return lock_sync_lock_state_name(static_cast<std::int32_t>(s));
}

/** Returns the name for people: "not paired"; "unknown" for a number without a name in this version. */
inline std::string_view name(door_state s) noexcept
{
    return lock_sync_door_state_name(static_cast<std::int32_t>(s));
}

/** Returns the version of the library in use, "MAJOR.MINOR.PATCH". */
inline std::string_view version() noexcept
{
    return lock_sync_version();
}

/**
 * A string for the library, or nullptr for the default. Owns a copy, and wipes it, because it may be a credential.
 *
 * A `const char *` may be null, as a result of std::getenv() may be.
 */
class text
{
public:
    text(std::nullptr_t) noexcept : null_(true) {}
    text(const char *value) : value_(value != nullptr ? value : ""), null_(value == nullptr) {}
    text(std::string_view value) : value_(value) {}
    text(const std::string &value) : value_(value) {}
    text(std::string &&value) : value_(std::move(value)) { wipe(value); }
    text(const text &other) = default;
    text(text &&other) noexcept : value_(std::move(other.value_)), null_(other.null_) { wipe(other.value_); }
    text &operator=(text other) noexcept
    {
        value_.swap(other.value_);
        null_ = other.null_;
        return *this;
    }
    ~text() { wipe(value_); }

    /** Returns the string for C, or nullptr. */
    const char *c_str() const noexcept { return null_ ? nullptr : value_.c_str(); }

    /** Returns whether C sees all of it: a NUL inside would end it early. */
    bool is_whole() const noexcept { return value_.find('\0') == std::string::npos; }

private:
    static void wipe(std::string &value) noexcept
    {
        value.resize(value.capacity()); // a string that was moved from may still have its bytes
        volatile char *bytes = value.data();
        for (std::size_t i = 0; i < value.size(); i++)
            bytes[i] = '\0';
        value.clear();
    }

    std::string value_;
    bool null_ = false;
};

/** The type of all_locks. */
struct all_locks_t {
    explicit all_locks_t() = default;
};

/** Names every lock of the account, in place of a list of ids. */
inline constexpr all_locks_t all_locks{};

/**
 * The locks that a call is about: all_locks, a list as in `{1001, 77}`, or a container of std::int64_t.
 *
 * A list without an id is rejected with status::invalid_argument, because it hardly means all locks. Only for
 * parameters: it borrows the list for the call.
 */
class ids
{
    template <class Container> using is_container = std::enable_if_t<
        std::is_convertible_v<decltype(std::data(std::declval<const Container &>())), const std::int64_t *>>;

public:
    ids(all_locks_t) noexcept {}
    ids(std::initializer_list<std::int64_t> list) noexcept : ids(list.begin(), list.size()) {}
    ids(const std::int64_t *first, std::size_t count) noexcept : first_(first), count_(count), all_(false) {}
    template <class Container, class = is_container<Container>> ids(const Container &list) noexcept
        : ids(std::data(list), std::size(list))
    {
    }

    /** Returns whether it names all locks. */
    bool is_all() const noexcept { return all_; }

    /** Returns the first id; nullptr for all locks. */
    const std::int64_t *data() const noexcept { return first_; }
    std::size_t size() const noexcept { return count_; }

private:
    const std::int64_t *first_ = nullptr;
    std::size_t count_ = 0;
    bool all_ = true;
};

namespace detail
{

inline lock_sync_status to_c(status s) noexcept
{
    return static_cast<lock_sync_status>(s);
}

inline tristate to_tristate(bool is_known, bool value) noexcept
{
    return !is_known ? tristate::unknown : value ? tristate::yes : tristate::no;
}

inline std::optional<std::string> to_optional(const char *value)
{
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

} // namespace detail

} // namespace locksync

#endif
