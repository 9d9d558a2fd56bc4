// Guards in memory, in a file, in a store of the application, and their slots.
#include "kit.hpp"

#include <thread>

using locksync::request_kind;
using locksync::slot_outcome;
using locksync::status;

CPP_TEST(a_guard_denies_the_second_slot)
{
    locksync::guard guard;
    locksync::slot one = guard.reserve(1s);

    CHECK(one.number() > 0);
    const locksync::error denied = thrown_by([&] { (void)guard.reserve(1s); });
    CHECK_STATUS(denied.status(), status::too_soon);
    REQUIRE(denied.retry_after().has_value());
    CHECK_BETWEEN(denied.retry_after()->count(), 1, 21000);
    one.settle(slot_outcome::not_sent);
    one.settle(slot_outcome::sent); // no effect
    locksync::slot other = guard.reserve(request_kind::sync, 1s);
    CHECK_INT(guard.try_reserve(request_kind::other, 0s).status() == status::ok, true);
    other.settle(slot_outcome::limited, 60s);
    CHECK_BETWEEN(guard.try_reserve(request_kind::directory, 1s).error().retry_after()->count(), 50000, 60000);
}

CPP_TEST(a_slot_that_is_dropped_was_sent)
{
    locksync::guard guard;
    guard.set_min_interval(1ms);
    {
        locksync::slot one = guard.reserve(1h);
        locksync::slot moved = std::move(one);
        CHECK_STATUS(guard.try_reserve(1h).status(), status::too_soon);
    }
    std::this_thread::sleep_for(5ms);
    locksync::slot one = guard.reserve(1h);
    one.settle(slot_outcome::not_sent);
    one = guard.reserve(1h);
    CHECK(one.number() > 0);
}

CPP_TEST(a_guard_has_its_settings)
{
    locksync::guard guard;

    guard.set_interval(request_kind::directory, 1ms);
    guard.set_hourly_budget(10, 8);
    (void)guard.reserve(request_kind::other, 0s);
    (void)guard.reserve(request_kind::other, 0s);
    CHECK_STATUS(guard.try_reserve(request_kind::other, 0s).status(), status::too_soon);
    CHECK_STATUS(guard.try_set_min_interval(0s).status(), status::invalid_argument);
    CHECK_STATUS(guard.try_set_interval(static_cast<request_kind>(9), 1s).status(), status::invalid_argument);
    CHECK_STATUS(guard.try_set_hourly_budget(1, 1).status(), status::invalid_argument);
    CHECK_STATUS(guard.try_reserve(-1s).status(), status::invalid_argument);
    CHECK_EQUAL(guard.error_message(), "");
    CHECK_EQUAL(guard.warning(), "");
}

CPP_TEST(contexts_share_a_guard)
{
    const simulator service;
    const locksync::guard guard;
    locksync::settings s = service.settings();
    s.guard = guard;
    s.guard_mode = locksync::guard_mode::fail;
    locksync::context one(s);
    locksync::context other(s);

    CHECK_INT(one.fetch().size(), 4);
    CHECK_STATUS(other.try_fetch().status(), status::too_soon);
    s = {};
    s.guard_mode = locksync::guard_mode::cached;
    one.set(s);
    CHECK_STATUS(one.try_fetch().status(), status::too_soon); // nothing was kept before
}

CPP_TEST(files_share_a_guard)
{
    char *const folder = kit_temp_dir();
    const std::string path = std::string(folder) + "/guard";
    {
        locksync::guard one = locksync::guard::open_file(path);
        locksync::guard other = locksync::guard::open_file(path);
        locksync::slot slot = one.reserve(1h);
        CHECK_STATUS(other.try_reserve(1h).status(), status::too_soon);
        kit_write_file(path.c_str(), "nonsense", 8);
        const locksync::error broken = other.try_reserve(1h).error();
        CHECK_STATUS(broken.status(), status::guard);
        CHECK_HAS(broken.what(), other.error_message().c_str());
        CHECK(!other.error_message().empty());
    }
    CHECK_STATUS(locksync::guard::try_open_file("").status(), status::invalid_argument);
    CHECK_STATUS(locksync::guard::try_open_file(std::string("a\0b", 3)).status(), status::invalid_argument);
    kit_remove_dir(folder);
}

// Keeps the record in memory, and throws on demand.
struct memory_store final : locksync::guard_store {
    memory_store(bool &destroyed_, bool &throws_) : destroyed(destroyed_), throws(throws_)
    {
    }
    ~memory_store() override
    {
        destroyed = true;
    }
    content load() override
    {
        if (throws)
            throw std::runtime_error("the store is away");
        return {record, 1700000000s};
    }
    bool replace(std::string_view old_record, std::string_view new_record) override
    {
        if (old_record != record)
            return false;
        record = new_record;
        return true;
    }
    std::string describe() override
    {
        if (throws)
            throw std::runtime_error("no words");
        return std::string(1000, 'x');
    }

    bool &destroyed;
    bool &throws;
    std::string record;
};

CPP_TEST(a_store_of_the_application_may_throw)
{
    bool destroyed = false;
    bool throws = false;
    {
        locksync::guard guard = locksync::guard::with_store(std::make_unique<memory_store>(destroyed, throws));
        locksync::slot one = guard.reserve(1h);
        CHECK_STATUS(guard.try_reserve(1h).status(), status::too_soon);
        throws = true;
        CHECK_STATUS(one.try_settle(slot_outcome::not_sent).status(), status::guard); // kept by the guard
        CHECK_STATUS(guard.try_reserve(1h).status(), status::guard);
        throws = false;
        CHECK_STATUS(guard.try_reserve(1h).status(), status::ok);
    }
    CHECK(destroyed);
    CHECK_STATUS(locksync::guard::try_with_store(nullptr).status(), status::invalid_argument);
}

CPP_TEST(a_guard_is_a_reference)
{
    locksync::guard one;
    locksync::guard other = one;
    locksync::guard third = std::move(one);

    CHECK(other.native() == third.native());
    CHECK(one.native() == nullptr);
    one = third;
    CHECK(one.native() == other.native());
    CHECK_STATUS(locksync::guard::try_make().status(), status::ok);
}
