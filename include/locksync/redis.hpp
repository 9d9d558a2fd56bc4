/**
 * @file
 * A guard in a Redis server, for several machines that use one account. Needs liblocksync-redis.
 */
#ifndef LOCKSYNC_REDIS_HPP
#define LOCKSYNC_REDIS_HPP

#include "cpp/guard.hpp"
#include "redis.h"

namespace locksync
{

/** A handle of a Redis server. Guards that are open on it keep its connection. Any thread may use it. */
class redis
{
public:
    /** Returns why a URL is rejected; std::nullopt if it is accepted. See lock_sync_redis_url_problem(). */
    static std::optional<std::string_view> url_problem(const text &url) noexcept
    {
        const char *problem = url.is_whole() ? lock_sync_redis_url_problem(url.c_str()) : "it contains a NUL";
        return problem != nullptr ? std::optional<std::string_view>(problem) : std::nullopt;
    }

    /** Makes a handle. It connects when a guard first needs it. */
    explicit redis(const text &url) : redis(try_make(url).value())
    {
    }
    static expected<redis> try_make(const text &url)
    {
        if (const auto problem = url_problem(url))
            return error(status::invalid_argument, "the Redis URL is rejected: " + std::string(*problem));
        lock_sync_redis *made = nullptr;
        if (const lock_sync_status status = lock_sync_redis_new(url.c_str(), &made); status != LOCK_SYNC_OK)
            return error(static_cast<locksync::status>(status));
        return redis(made);
    }

    /** Prepares a database, at deployment, so that the first slot of a new account needs no wait. */
    void prepare(const text &key)
    {
        try_prepare(key).value();
    }
    expected<void> try_prepare(const text &key)
    {
        if (!key.is_whole())
            return detail::has_nul();
        return checked(lock_sync_redis_prepare(native(), key.c_str()));
    }

    /** Makes a guard that keeps its record under a key, one for each account. */
    guard open_guard(const text &key)
    {
        return try_open_guard(key).value();
    }
    expected<guard> try_open_guard(const text &key)
    {
        lock_sync_guard *made = nullptr;
        if (!key.is_whole())
            return detail::has_nul();
        if (auto opened = checked(lock_sync_guard_open_redis(native(), key.c_str(), &made)); !opened)
            return opened.error();
        return guard(made);
    }

    /** Returns the cause of the last failed command, without a secret; empty if no command failed. */
    std::string error_message() const
    {
        return detail::read_text(
            [&](char *text, std::size_t size) { return lock_sync_redis_error_message(native(), text, size); });
    }

    /** Returns the handle for a function of C, borrowed. */
    lock_sync_redis *native() const noexcept
    {
        return redis_.get();
    }

private:
    struct release {
        void operator()(lock_sync_redis *redis) const noexcept
        {
            lock_sync_redis_free(redis);
        }
    };

    explicit redis(lock_sync_redis *transferred) noexcept : redis_(transferred)
    {
    }
    expected<void> checked(lock_sync_status status) const
    {
        if (status == LOCK_SYNC_E_GUARD)
            return error(status::guard, "Redis: " + error_message());
        return detail::checked(status);
    }

    std::unique_ptr<lock_sync_redis, release> redis_;
};

} // namespace locksync

#endif
