/**
 * @file
 * libgetlock-sync for C++17 and later: the state of a user's smart locks, and their names.
 *
 * ```cpp
 * locksync::context context{{.credential = locksync::personal_key(key)}}; // C++20
 * for (const locksync::lock &lock : context.fetch())
 *     std::cout << lock.id() << ' ' << lock.state_text() << '\n';
 * ```
 *
 * Header-only, over the C interface: the comments of the C headers have the details. These rules apply to all:
 *  - a function throws locksync::error; its form with `try_` returns an expected instead;
 *  - objects own what they hold, and move; a name in `_view` only borrows;
 *  - a callback may throw: the exception never passes through C;
 *  - an object that was moved from may only be assigned to or destroyed.
 *
 * The guard in Redis is in redis.hpp, because it needs another library.
 */
#ifndef LOCKSYNC_LOCKSYNC_HPP
#define LOCKSYNC_LOCKSYNC_HPP

#include "cpp/context.hpp"
#include "cpp/error.hpp"
#include "cpp/guard.hpp"
#include "cpp/pool.hpp"
#include "cpp/records.hpp"
#include "cpp/settings.hpp"
#include "cpp/transport.hpp"
#include "cpp/values.hpp"
#include "cpp/watch.hpp"

#endif
