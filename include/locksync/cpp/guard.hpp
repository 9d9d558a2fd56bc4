/**
 * @file
 * The guard: a rate limiter that all users of an account share.
 */
#ifndef LOCKSYNC_CPP_GUARD_HPP
#define LOCKSYNC_CPP_GUARD_HPP

#include "error.hpp"

#include <algorithm>

namespace locksync
{

namespace detail
{

/** Returns a message that a function of C writes into a buffer. */
template <class Read> std::string read_text(Read read)
{
    std::string bytes(512, '\0');
    bytes.resize(std::min(read(bytes.data(), bytes.size()), bytes.size() - 1));
    return bytes;
}

} // namespace detail

class guard;

/** The permission to send one request. A slot that is not settled is settled as sent when it is destroyed. */
class [[nodiscard]] slot
{
public:
    slot(slot &&other) noexcept : guard_(std::exchange(other.guard_, nullptr)), number_(other.number_) {}
    slot &operator=(slot &&other) noexcept
    {
        slot taken(std::move(other)); // settles the old slot now
        std::swap(guard_, taken.guard_);
        std::swap(number_, taken.number_);
        return *this;
    }
    ~slot()
    {
        if (guard_ != nullptr)
            (void)end(slot_outcome::sent, -1);
    }

    /** Returns the slot's number, > 0. */
    std::int64_t number() const noexcept { return number_; }

    /** Reports how the request ended, with the service's Retry-After if it sent one. Has no effect the second time. */
    void settle(slot_outcome outcome, std::optional<milliseconds> retry_after = std::nullopt)
    {
        try_settle(outcome, retry_after).value();
    }
    expected<void> try_settle(slot_outcome outcome, std::optional<milliseconds> retry_after = std::nullopt)
    {
        if (guard_ == nullptr)
            return {};
        return detail::checked(end(outcome, retry_after ? retry_after->count() : -1));
    }

private:
    friend guard;
    slot(lock_sync_guard *guard, std::int64_t number) noexcept : guard_(guard), number_(number) {}
    lock_sync_status end(slot_outcome outcome, std::int64_t retry_after_ms) noexcept
    {
        lock_sync_guard *const guard = std::exchange(guard_, nullptr);
        const lock_sync_status status = lock_sync_guard_settle(guard, number_, static_cast<std::int32_t>(outcome),
                                                               retry_after_ms);
        lock_sync_guard_unref(guard);
        return status;
    }

    lock_sync_guard *guard_;
    std::int64_t number_;
};

/**
 * A store of the application for a guard's record; see lock_sync_guard_store.
 *
 * The guard calls it from any thread, one function at a time. If a function throws, the guard grants no slot.
 */
class guard_store
{
public:
    /** The record, empty before the first, and the time by a clock that all users share. */
    struct content {
        std::string record;
        milliseconds now;
    };

    guard_store() = default;
    guard_store(const guard_store &) = delete;
    guard_store &operator=(const guard_store &) = delete;
    virtual ~guard_store() = default;
    virtual content load() = 0;

    /** Writes the new record and returns true if the stored one still equals the old one. Must be one atomic step. */
    virtual bool replace(std::string_view old_record, std::string_view new_record) = 0;

    /** Returns why the last call failed, for guard::error_message(). */
    virtual std::string describe() { return {}; }
};

/** Grants or denies slots. A copy is another reference to the same guard. Any thread may use it. */
class guard
{
public:
    /** Makes a guard in memory, for the contexts of this process that use one account. */
    guard() : guard(try_make().value()) {}
    static expected<guard> try_make() { return made(lock_sync_guard_new); }

    /** Makes a guard in a file, for the processes of this machine; see lock_sync_guard_open_file(). */
    static guard open_file(const text &path) { return try_open_file(path).value(); }
    static expected<guard> try_open_file(const text &path)
    {
        if (!path.is_whole())
            return detail::has_nul();
        return made([&](lock_sync_guard **out) { return lock_sync_guard_open_file(path.c_str(), out); });
    }

    /** Makes a guard in a store of the application, which it owns. */
    static guard with_store(std::unique_ptr<guard_store> store) { return try_with_store(std::move(store)).value(); }
    static inline expected<guard> try_with_store(std::unique_ptr<guard_store> store);

    /** Takes a reference that the caller has. */
    explicit guard(lock_sync_guard *transferred) noexcept : guard_(transferred) {}
    guard(const guard &other) noexcept : guard_(lock_sync_guard_ref(other.guard_)) {}
    guard(guard &&other) noexcept : guard_(std::exchange(other.guard_, nullptr)) {}
    guard &operator=(guard other) noexcept
    {
        std::swap(guard_, other.guard_);
        return *this;
    }
    ~guard() { lock_sync_guard_unref(guard_); }

    /** Sets the time from a response to the next sync. */
    void set_min_interval(milliseconds interval) { try_set_min_interval(interval).value(); }
    expected<void> try_set_min_interval(milliseconds interval)
    {
        return detail::checked(lock_sync_guard_set_min_interval_ms(guard_, interval.count()));
    }

    /** Sets the interval of one kind of request. */
    void set_interval(request_kind kind, milliseconds interval) { try_set_interval(kind, interval).value(); }
    expected<void> try_set_interval(request_kind kind, milliseconds interval)
    {
        return detail::checked(
            lock_sync_guard_set_kind_interval_ms(guard_, static_cast<std::int32_t>(kind), interval.count()));
    }

    /** Sets the hourly budget, and its part that is left to other programs. */
    void set_hourly_budget(std::uint32_t requests, std::uint32_t unused)
    {
        try_set_hourly_budget(requests, unused).value();
    }
    expected<void> try_set_hourly_budget(std::uint32_t requests, std::uint32_t unused)
    {
        return detail::checked(lock_sync_guard_set_hourly_budget(guard_, requests, unused));
    }

    /** Requests a slot. A denial is status::too_soon, with the wait in error::retry_after(). */
    slot reserve(milliseconds lease) { return reserve(request_kind::sync, lease); }
    slot reserve(request_kind kind, milliseconds lease) { return try_reserve(kind, lease).value(); }
    expected<slot> try_reserve(milliseconds lease) { return try_reserve(request_kind::sync, lease); }
    expected<slot> try_reserve(request_kind kind, milliseconds lease)
    {
        std::int64_t wait_ms = 0;
        std::int64_t number = 0;
        const lock_sync_status status = lock_sync_guard_reserve_for(guard_, static_cast<std::int32_t>(kind),
                                                                    lease.count(), &wait_ms, &number);
        if (status == LOCK_SYNC_OK)
            return slot(lock_sync_guard_ref(guard_), number);
        error_details more;
        if (status == LOCK_SYNC_E_TOO_SOON)
            more.retry_after = milliseconds(wait_ms);
        std::string why(lock_sync_status_message(status));
        if (status == LOCK_SYNC_E_GUARD)
            why += ": " + error_message();
        return error(static_cast<locksync::status>(status), why, std::move(more));
    }

    /** Returns why the store failed last; empty if it never failed. */
    std::string error_message() const { return read(lock_sync_guard_error_message); }

    /** Returns why the store can lose records; empty if there is no warning. */
    std::string warning() const { return read(lock_sync_guard_warning); }

    /** Returns the guard for a function of C, borrowed. */
    lock_sync_guard *native() const noexcept { return guard_; }

private:
    template <class New> static expected<guard> made(New create)
    {
        lock_sync_guard *out = nullptr;
        if (const lock_sync_status status = create(&out); status != LOCK_SYNC_OK)
            return error(static_cast<locksync::status>(status));
        return guard(out);
    }
    std::string read(std::size_t (*from)(lock_sync_guard *, char *, std::size_t)) const
    {
        return detail::read_text([&](char *bytes, std::size_t size) { return from(guard_, bytes, size); });
    }

    lock_sync_guard *guard_;
};

namespace detail
{

/** The functions of a store for C. A status is all that an exception leaves. */
struct store_functions {
    static guard_store &of(void *user) noexcept { return *static_cast<guard_store *>(user); }

    static lock_sync_status load(void *user, void *record, std::size_t *size, std::int64_t *now_ms) noexcept
    {
        std::exception_ptr thrown;
        return guarded(thrown, LOCK_SYNC_E_GUARD, [&] {
            const guard_store::content now = of(user).load();
            if (now.record.size() > *size)
                throw error(status::guard);
            std::copy(now.record.begin(), now.record.end(), static_cast<char *>(record));
            *size = now.record.size();
            *now_ms = now.now.count();
        });
    }
    static lock_sync_status replace(void *user, const void *old_record, std::size_t old_size, const void *new_record,
                                    std::size_t new_size, bool *replaced) noexcept
    {
        std::exception_ptr thrown;
        return guarded(thrown, LOCK_SYNC_E_GUARD, [&] {
            *replaced = of(user).replace({static_cast<const char *>(old_record), old_size},
                                         {static_cast<const char *>(new_record), new_size});
        });
    }
    static void describe(void *user, char *text, std::size_t size) noexcept
    {
        std::exception_ptr thrown;
        (void)guarded(thrown, LOCK_SYNC_E_GUARD, [&] {
            const std::string why = of(user).describe();
            text[why.copy(text, size - 1)] = '\0';
        });
    }
    static void destroy(void *user) noexcept { delete static_cast<guard_store *>(user); }
};

} // namespace detail

inline expected<guard> guard::try_with_store(std::unique_ptr<guard_store> store)
{
    lock_sync_guard_store functions{};
    functions.struct_size = sizeof functions;
    functions.user = store.get();
    functions.load = detail::store_functions::load;
    functions.replace = detail::store_functions::replace;
    functions.describe = detail::store_functions::describe;
    functions.destroy = detail::store_functions::destroy;
    if (store == nullptr)
        return error(status::invalid_argument);
    expected<guard> with = made([&](lock_sync_guard **out) { return lock_sync_guard_new_with_store(&functions, out); });
    if (with)
        (void)store.release();
    return with;
}

} // namespace locksync

#endif
