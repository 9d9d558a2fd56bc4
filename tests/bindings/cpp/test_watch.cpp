// The watch, alone and as a range.
#include "kit.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

using locksync::change_kind;
using locksync::status;

// Locks whose hour passes in a second.
static const std::vector<const char *> quick = {"--time-scale", "3600"};

CPP_TEST(a_watch_is_a_range_of_changes)
{
    const simulator service(quick);
    locksync::context context(service.settings());
    locksync::watch watch(context);
    int batches = 0;

    watch.set_interval(10ms);
    CHECK(!watch.age() && watch.results().empty() && watch.directory().empty());
    CHECK_STATUS(watch.last_status(), status::ok);
    for (const locksync::changes &changes : watch) {
        if (batches++ == 0) {
            CHECK_INT(changes.size(), 4);
            CHECK(std::all_of(changes.begin(), changes.end(),
                              [](const locksync::change &c) { return c.has(change_kind::added) && !c.before(); }));
            continue;
        }
        for (const locksync::change &change : changes) {
            REQUIRE(change.before() && change.after());
            CHECK(*change.before() != *change.after());
            CHECK(watch.results().find(change.id()) == change.after());
        }
        if (batches == 3)
            break;
    }
    CHECK_INT(batches, 3);
    REQUIRE(watch.age().has_value());
    CHECK(*watch.age() < 60s);
    CHECK(watch.due_in() <= 11ms);
    CHECK(watch.native() != nullptr);
}

CPP_TEST(no_change_in_time_is_no_error)
{
    const simulator service;
    locksync::context context(service.settings());
    locksync::watch watch(context, {1001});

    CHECK_INT(watch.next().size(), 1);
    CHECK(!watch.next(0s));
    CHECK(!watch.next(-1s));
    CHECK_STATUS(watch.try_next(1ms).status(), status::timeout);
    CHECK_STATUS(watch.try_set_interval(0s).status(), status::invalid_argument);
}

CPP_TEST(a_loop_ends_when_the_context_stops)
{
    const simulator service;
    locksync::context context(service.settings());
    locksync::watch watch(context);
    int batches = 0;
    std::thread stopper;

    for (const locksync::changes &changes : watch) {
        batches += !changes.empty();
        stopper = std::thread([&] {
            std::this_thread::sleep_for(50ms);
            context.set_stopped(true);
        });
    }
    stopper.join();
    CHECK_INT(batches, 1);
    CHECK_STATUS(watch.try_next().status(), status::cancelled);
    CHECK(watch.begin() == watch.end());
    CHECK_STATUS(thrown_by([&] { (void)watch.next(); }).status(), status::cancelled);
}

CPP_TEST(temporary_errors_are_not_thrown)
{
    const simulator service;
    locksync::context context(service.settings());
    locksync::watch watch(context);

    sim_fault(service.get(), "500", 1);
    CHECK(!watch.next(0s));
    CHECK_STATUS(watch.last_status(), status::server);
    locksync::settings s;
    s.credential = locksync::personal_key("wrong");
    context.set(s);
    sim_fault(service.get(), "500", 0);
    locksync::watch other(context);
    CHECK_STATUS(thrown_by([&] { (void)other.begin(); }).status(), status::unauthorized);
}

CPP_TEST(a_watch_follows_the_directory)
{
    const simulator service;
    locksync::settings s = service.settings();
    locksync::context context(s);
    const std::string serial = *context.fetch_directory()[0].serial_number();
    locksync::watch watch = locksync::watch::by_serial(context, {serial});

    watch.set_interval(1ms);
    const locksync::changes first = watch.next();
    REQUIRE(first.size() == 1);
    CHECK_INT(first[0].id(), 1001);
    REQUIRE(first[0].info().has_value());
    CHECK(first[0].info()->name() == "Front door" && first[0].info()->serial_number() == serial);
    CHECK_INT(watch.directory().size(), 4);
    CHECK_STATUS(watch.try_follow_directory(false).status(), status::invalid_argument);
    CHECK_STATUS(locksync::watch::try_by_serial(context, {std::string("a\0b", 3)}).status(), status::invalid_argument);
}

CPP_TEST(a_watch_begins_with_a_directory)
{
    const simulator service;
    locksync::context context(service.settings());
    locksync::directory stored = context.fetch_directory();
    locksync::watch watch(context);
    watch.follow_directory();
    watch.use_directory(std::move(stored));

    CHECK(stored.native() == nullptr);
    CHECK_INT(watch.directory().size(), 4);
    CHECK(watch.next()[0].info()->name() == "Front door");
    locksync::directory late = context.fetch_directory();
    CHECK_STATUS(watch.try_use_directory(std::move(late)).status(), status::invalid_argument);
    CHECK_INT(late.size(), 4);
}

CPP_TEST(a_watch_keeps_its_context)
{
    const simulator service;
    std::optional<locksync::watch> watch;
    std::string lines;
    {
        locksync::settings s = service.settings();
        s.log = [&](locksync::log_level, std::string_view line) { lines += line; };
        locksync::context context(s);
        watch.emplace(context);
    }
    CHECK_INT(watch->next().size(), 4);
    locksync::watch moved = std::move(*watch);
    watch.reset();
    CHECK_INT(moved.results().size(), 4);
    CHECK(!lines.empty());
}

#ifdef __cpp_lib_jthread
CPP_TEST(a_stop_token_ends_a_fetch)
{
    const simulator slow({"--delay-ms", "60000"});
    locksync::context context(slow.settings());
    std::stop_source source;
    const auto stops_soon = [&] {
        source = std::stop_source();
        return std::jthread([stop = source]() mutable {
            std::this_thread::sleep_for(20ms);
            stop.request_stop();
        });
    };

    for (int i = 0; i < 3; i++) {
        const std::jthread stopper = stops_soon();
        CHECK_STATUS(context.try_fetch({1001}, source.get_token()).status(), status::cancelled);
    }
    CHECK_STATUS(context.try_fetch_one(1001, source.get_token()).status(), status::cancelled);
    CHECK_STATUS(context.try_fetch_directory(source.get_token()).status(), status::cancelled);
    CHECK_STATUS(thrown_by([&] { (void)context.fetch({5}, source.get_token()); }).status(), status::cancelled);
    CHECK_STATUS(thrown_by([&] { (void)context.fetch_one(5, source.get_token()); }).status(), status::cancelled);
    CHECK_STATUS(thrown_by([&] { (void)context.fetch_directory(source.get_token()); }).status(), status::cancelled);
    locksync::settings s;
    const simulator service;
    s.base_url = service.url();
    context.set(s);
    CHECK_INT(context.fetch().size(), 4); // the stop has ended with its call
    CHECK_INT(context.fetch(locksync::all_locks, std::stop_source().get_token()).size(), 4);
}

CPP_TEST(a_stop_token_ends_a_loop)
{
    const simulator service;
    locksync::context context(service.settings());
    locksync::watch watch(context);
    std::stop_source source;
    std::jthread stopper;
    int batches = 0;

    for (const locksync::changes &changes : watch.until(source.get_token())) {
        batches += !changes.empty();
        // a fetch with a token of its own leaves the loop's stop in place
        CHECK_INT(context.fetch({1001}, std::stop_source().get_token()).size(), 1);
        stopper = std::jthread([&] { source.request_stop(); });
    }
    CHECK_INT(batches, 1);
    CHECK_STATUS(watch.try_next(source.get_token()).status(), status::cancelled);
    CHECK_STATUS(thrown_by([&] { (void)watch.next(source.get_token()); }).status(), status::cancelled);
    CHECK_INT(context.fetch().size(), 4);
}

CPP_TEST(a_stop_of_the_application_remains)
{
    const simulator service;
    locksync::context context(service.settings());
    std::stop_source source;

    source.request_stop();
    context.set_stopped(true);
    CHECK_STATUS(context.try_fetch({1001}, source.get_token()).status(), status::cancelled);
    CHECK_STATUS(context.try_fetch().status(), status::cancelled);
    context.set_stopped(false);
    CHECK_INT(context.fetch().size(), 4);
}

CPP_TEST(many_threads_stop_at_any_moment)
{
    const simulator service;
    locksync::context context(service.settings());

    for (int i = 0; i < 300; i++) {
        std::stop_source source;
        const std::jthread stopper([&, i] {
            std::this_thread::sleep_for(std::chrono::microseconds(i * 7 % 500));
            source.request_stop();
        });
        const status ended = context.try_fetch(locksync::all_locks, source.get_token()).status();
        CHECK(ended == status::ok || ended == status::cancelled);
    }
    CHECK_INT(context.fetch().size(), 4);
}
#endif
