// The guard in Redis. A test that needs a server is skipped without redis-server.
#include "kit.hpp"

#include <locksync/redis.hpp>

extern "C" {
#include "../../guard/redis_server.h"
}

using locksync::status;

CPP_TEST(a_url_is_checked)
{
    CHECK(!locksync::redis::url_problem("redis://127.0.0.1/1"));
    CHECK_HAS(*locksync::redis::url_problem("http://x"), "redis://");
    CHECK(locksync::redis::url_problem(std::string("redis://a\0b", 11)).has_value());
    const locksync::error why = thrown_by([] { locksync::redis made("redis://:secret@"); });
    CHECK_STATUS(why.status(), status::invalid_argument);
    CHECK_LACKS(why.what(), "secret");
}

CPP_TEST(a_server_that_is_away_is_an_error)
{
    locksync::redis redis("redis://127.0.0.1:1");
    locksync::guard guard = redis.open_guard("account");

    CHECK_STATUS(guard.try_reserve(1s).status(), status::guard);
    const locksync::error why = redis.try_prepare("account").error();
    CHECK_STATUS(why.status(), status::guard);
    CHECK_HAS(why.what(), redis.error_message().c_str());
    CHECK(!redis.error_message().empty());
    CHECK_STATUS(redis.try_open_guard("").status(), status::invalid_argument);
    CHECK_STATUS(redis.try_open_guard(std::string("a\0b", 3)).status(), status::invalid_argument);
    CHECK_STATUS(redis.try_prepare(std::string("a\0b", 3)).status(), status::invalid_argument);
}

CPP_TEST(guards_on_a_key_share_their_slots)
{
    redis_server *const server = redis_here(nullptr); // or skips
    locksync::redis one(redis_server_url(server));
    locksync::redis other(redis_server_url(server));
    redis_server_settle_in(server, "k");
    locksync::guard here = one.open_guard("k");
    locksync::guard there = other.open_guard("k");

    one.prepare("k");
    CHECK_EQUAL(one.error_message(), "");
    locksync::slot slot = here.reserve(1s);
    CHECK_STATUS(there.try_reserve(1s).status(), status::too_soon);
    slot.settle(locksync::slot_outcome::not_sent);
    CHECK_STATUS(there.try_reserve(1s).status(), status::ok);
    locksync::redis moved = std::move(other);
    CHECK(moved.native() != nullptr && other.native() == nullptr);
}
