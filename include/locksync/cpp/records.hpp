/**
 * @file
 * Records of the service: locks, their names, and changes of both.
 *
 * A record is a value that lives as long as you keep it. Results, a directory and changes own what the library made;
 * they move, and do not copy. A view borrows one of them, as std::string_view borrows a string. All are immutable: any
 * thread may read them.
 */
#ifndef LOCKSYNC_CPP_RECORDS_HPP
#define LOCKSYNC_CPP_RECORDS_HPP

#include "error.hpp"
#include "iterator.hpp"

#include <tuple>

namespace locksync
{

/** The record of one lock. A value that is unknown is absent, or tristate::unknown. */
class lock
{
public:
    /** Copies a record of the library. */
    explicit lock(const lock_sync_lock &record) noexcept : record_(record) {}

    std::int64_t id() const noexcept { return record_.id; }

    /** Returns whether the bolt is known to be out. */
    tristate is_locked() const noexcept { return lock_sync_lock_is_locked(&record_); }

    /** Returns whether the last movement ended in a jam. */
    tristate is_jammed() const noexcept { return lock_sync_lock_is_jammed(&record_); }

    /** Returns whether the lock is connected to its bridge. */
    tristate is_connected() const noexcept
    {
        return detail::to_tristate(has(LOCK_SYNC_FIELD_CONNECTED), record_.is_connected);
    }

    /** Returns whether the battery is being charged. */
    tristate is_charging() const noexcept
    {
        return detail::to_tristate(has(LOCK_SYNC_FIELD_CHARGING), record_.is_charging);
    }
    std::optional<lock_state> state() const noexcept
    {
        return known(LOCK_SYNC_FIELD_STATE, static_cast<lock_state>(record_.state));
    }
    std::optional<locksync::door_state> door_state() const noexcept
    {
        return known(LOCK_SYNC_FIELD_DOOR_STATE, static_cast<locksync::door_state>(record_.door_state));
    }

    /** Returns the state for people, or "unknown". */
    std::string_view state_text() const noexcept { return lock_sync_lock_state_text(&record_); }

    /** Returns the door's state for people, or "unknown". */
    std::string_view door_text() const noexcept { return lock_sync_lock_door_text(&record_); }

    /** Returns percent, 0 to 100. */
    std::optional<int> battery_level() const noexcept
    {
        return known(LOCK_SYNC_FIELD_BATTERY_LEVEL, int{record_.battery_level});
    }

    /** Returns how the last movement ended: 0 success, 1 jammed, others as sent. */
    std::optional<int> state_change_result() const noexcept
    {
        return known(LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, int{record_.state_change_result});
    }
    std::optional<time_point> last_state_changed() const noexcept
    {
        return known(LOCK_SYNC_FIELD_LAST_STATE_CHANGED, time_point(milliseconds(record_.last_state_changed_ms)));
    }

    /** Returns a number that rises with each change of the configuration. */
    std::optional<std::int64_t> revision() const noexcept { return known(LOCK_SYNC_FIELD_REVISION, record_.revision); }

    /** Returns whether the record has a state object. */
    bool has_device_state() const noexcept { return has(LOCK_SYNC_FIELD_DEVICE_STATE); }

    /** Returns the record for a function of C. */
    const lock_sync_lock &native() const noexcept { return record_; }

    friend bool operator==(const lock &a, const lock &b) noexcept
    {
        const auto members = [](const lock_sync_lock &r) { // an unknown one is 0
            return std::tie(r.id, r.fields, r.revision, r.is_connected, r.state, r.door_state, r.battery_level,
                            r.is_charging, r.state_change_result, r.last_state_changed_ms);
        };
        return members(a.record_) == members(b.record_);
    }
    friend bool operator!=(const lock &a, const lock &b) noexcept { return !(a == b); }

private:
    bool has(std::uint32_t field) const noexcept { return (record_.fields & field) != 0; }
    template <class T> std::optional<T> known(std::uint32_t field, T value) const noexcept
    {
        return has(field) ? std::optional<T>(value) : std::nullopt;
    }

    lock_sync_lock record_;
};

/** The records of one fetch, and the requested ids that the response did not contain. Borrowed. */
class results_view : public detail::list<results_view, lock, const lock_sync_results>
{
public:
    using list::list;

    std::size_t size() const noexcept { return lock_sync_results_count(native()); }

    /** Finds the record of one lock. */
    std::optional<lock> find(std::int64_t id) const noexcept
    {
        const lock_sync_lock *found = lock_sync_results_find(native(), id);
        return found != nullptr ? std::optional<lock>(*found) : std::nullopt;
    }

    /** Returns each requested id that the response did not contain. */
    std::vector<std::int64_t> missing() const
    {
        std::vector<std::int64_t> all(lock_sync_results_missing_count(native()));
        for (std::size_t i = 0; i < all.size(); i++)
            all[i] = lock_sync_results_missing_at(native(), i);
        return all;
    }

    /** Returns when the response arrived, by the clock of this machine. */
    time_point fetched_at() const noexcept
    {
        return time_point(milliseconds(lock_sync_results_fetched_at_ms(native())));
    }

    /** Returns whether these are earlier results; see guard_mode::cached. */
    bool is_cached() const noexcept { return lock_sync_results_is_cached(native()); }

protected:
    static void free_object(lock_sync_results *results) noexcept { lock_sync_results_free(results); }

private:
    friend list;
    const lock_sync_lock *at(std::size_t i) const noexcept { return lock_sync_results_at(native(), i); }
};

/** A results_view that owns its results. */
using results = detail::owner<results_view>;

/** Name, serial number and other facts of a lock that rarely change. A value that was not sent is absent. */
class lock_info
{
public:
    /** Copies the facts, texts included. */
    explicit lock_info(const lock_sync_lock_info &info)
        : id_(info.id), name_(detail::to_optional(info.name)), serial_number_(detail::to_optional(info.serial_number)),
          time_zone_(detail::to_optional(info.time_zone)), bridge_id_(info.bridge_id),
          organization_id_(info.organization_id), type_(info.type), access_level_(info.access_level)
    {
    }

    std::int64_t id() const noexcept { return id_; }

    /** Returns the name, UTF-8. Two locks may have the same. */
    const std::optional<std::string> &name() const noexcept { return name_; }

    /** Returns the serial number, which never changes: store it in place of the id. */
    const std::optional<std::string> &serial_number() const noexcept { return serial_number_; }
    const std::optional<std::string> &time_zone() const noexcept { return time_zone_; }
    std::optional<std::int64_t> bridge_id() const noexcept { return positive(bridge_id_); }
    std::optional<std::int64_t> organization_id() const noexcept { return positive(organization_id_); }
    std::optional<device_type> type() const noexcept
    {
        return type_ != 0 ? std::optional(static_cast<device_type>(type_)) : std::nullopt;
    }
    std::optional<locksync::access_level> access_level() const noexcept
    {
        return access_level_ != -1 ? std::optional(static_cast<locksync::access_level>(access_level_)) : std::nullopt;
    }

private:
    static std::optional<std::int64_t> positive(std::int64_t id) noexcept
    {
        return id != 0 ? std::optional(id) : std::nullopt;
    }

    std::int64_t id_;
    std::optional<std::string> name_;
    std::optional<std::string> serial_number_;
    std::optional<std::string> time_zone_;
    std::int64_t bridge_id_;
    std::int64_t organization_id_;
    std::int32_t type_;
    std::int32_t access_level_;
};

/** The locks of an account, by name and serial number. Borrowed. */
class directory_view : public detail::list<directory_view, lock_info, const lock_sync_directory>
{
public:
    using list::list;

    std::size_t size() const noexcept { return lock_sync_directory_count(native()); }

    /** Finds a lock by its id. */
    std::optional<lock_info> find(std::int64_t id) const { return found(lock_sync_directory_find(native(), id)); }

    /** Finds a lock by its serial number. */
    std::optional<lock_info> find_serial(std::string_view serial_number) const
    {
        const text serial(serial_number);
        return serial.is_whole() ? found(lock_sync_directory_find_serial(native(), serial.c_str())) : std::nullopt;
    }

    /** Returns how many locks have the name, and the first. A program that acts must stop unless it is one. */
    std::pair<std::size_t, std::optional<lock_info>> find_name(std::string_view name) const
    {
        const text wanted(name);
        const lock_sync_lock_info *first = nullptr;
        const std::size_t count = wanted.is_whole() ? lock_sync_directory_find_name(native(), wanted.c_str(), &first)
                                                    : 0;
        return {count, found(first)};
    }

    /** Returns the states that came with the directory, borrowed from it. */
    results_view results() const noexcept { return results_view(lock_sync_directory_results(native())); }

    /** Returns when the last page arrived, by the clock of this machine. */
    time_point fetched_at() const noexcept
    {
        return time_point(milliseconds(lock_sync_directory_fetched_at_ms(native())));
    }

    /** Returns whether locks may be missing that are on the next page: for a program that does its own HTTP. */
    bool has_more() const noexcept { return lock_sync_directory_has_more(native()); }

protected:
    static void free_object(lock_sync_directory *directory) noexcept { lock_sync_directory_free(directory); }

private:
    friend list;
    static std::optional<lock_info> found(const lock_sync_lock_info *info)
    {
        return info != nullptr ? std::optional<lock_info>(*info) : std::nullopt;
    }
    const lock_sync_lock_info *at(std::size_t i) const noexcept { return lock_sync_directory_at(native(), i); }
};

/** A directory_view that owns its directory. */
class [[nodiscard]] directory : public detail::owner<directory_view>
{
public:
    using owner::owner;

    results_view results() const &noexcept { return directory_view::results(); }
    results_view results() const && = delete; // they would be gone
};

/** The change of one lock. */
class change
{
public:
    /** Copies a change, with its records. */
    explicit change(const lock_sync_change &c)
        : kinds_(static_cast<change_kind>(lock_sync_change_kinds(&c))),
          before_(copy<lock>(lock_sync_change_before(&c))), after_(copy<lock>(lock_sync_change_after(&c))),
          info_(copy<lock_info>(lock_sync_change_info(&c)))
    {
    }

    /** Returns the lock's id now, or, if it was removed, before. */
    std::int64_t id() const noexcept { return (after_ ? after_ : before_)->id(); }

    /** Returns the bits of all that has changed. */
    change_kind kinds() const noexcept { return kinds_; }

    /** Returns whether one of these kinds has changed: `change.has(change_kind::state | change_kind::door)`. */
    bool has(change_kind any) const noexcept { return (kinds_ & any) != change_kind::none; }

    /** Returns the record before; absent if the lock was added. */
    const std::optional<lock> &before() const noexcept { return before_; }

    /** Returns the record now; absent if the lock was removed. */
    const std::optional<lock> &after() const noexcept { return after_; }

    /** Returns name and serial number, if the watch follows the directory. */
    const std::optional<lock_info> &info() const noexcept { return info_; }

private:
    template <class T, class Record> static std::optional<T> copy(const Record *record)
    {
        return record != nullptr ? std::optional<T>(*record) : std::nullopt;
    }

    change_kind kinds_;
    std::optional<lock> before_;
    std::optional<lock> after_;
    std::optional<lock_info> info_;
};

/** The changes between two results, by ascending id. Borrowed. */
class changes_view : public detail::list<changes_view, change, const lock_sync_changes>
{
public:
    using list::list;

    std::size_t size() const noexcept { return lock_sync_changes_count(native()); }

protected:
    static void free_object(lock_sync_changes *changes) noexcept { lock_sync_changes_free(changes); }

private:
    friend list;
    const lock_sync_change *at(std::size_t i) const noexcept { return lock_sync_changes_at(native(), i); }
};

/** A changes_view that owns its changes. */
using changes = detail::owner<changes_view>;

/** Compares two results of one account; see lock_sync_diff(). */
inline expected<changes> try_diff(results_view before, results_view after)
{
    lock_sync_changes *made = nullptr;
    const lock_sync_status status = lock_sync_diff(before.native(), after.native(), &made);
    if (status != LOCK_SYNC_OK)
        return error(static_cast<locksync::status>(status));
    return changes(made);
}

inline changes diff(results_view before, results_view after)
{
    return try_diff(before, after).value();
}

} // namespace locksync

#endif
