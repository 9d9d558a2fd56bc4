// The pool, with callbacks, futures and coroutines.
#include "kit.hpp"

#include <poll.h>

#include <thread>

using locksync::change_kind;
using locksync::status;

CPP_TEST(many_contexts_fetch_at_once)
{
    const simulator service;
    locksync::pool pool;
    std::vector<locksync::context> contexts;
    std::vector<std::future<locksync::results>> fetches;

    pool.set_max_connections(4, 8);
    pool.set_max_active(20);
    for (int i = 0; i < 50; i++)
        contexts.emplace_back(service.settings());
    for (locksync::context &context : contexts)
        fetches.push_back(pool.fetch(context, {1001, 77}));
    CHECK_INT(pool.pending(), 50);
    pool.run();
    for (auto &fetch : fetches) {
        const locksync::results results = fetch.get();
        CHECK_INT(results.size(), 1);
        CHECK_EQUAL(results.missing(), std::vector<std::int64_t>{77});
    }
    CHECK_INT(pool.get(pool.fetch_directory(contexts[0])).size(), 4);
    CHECK_INT(pool.get(pool.try_fetch(contexts[0]))->size(), 4);
    CHECK_INT(pool.get(pool.try_fetch_directory(contexts[0]))->size(), 4);
    CHECK_STATUS(pool.try_set_max_active(0).status(), status::invalid_argument);
    CHECK_STATUS(pool.try_set_max_connections(2, 1).status(), status::invalid_argument);
}

CPP_TEST(a_future_has_the_failure)
{
    const simulator service;
    locksync::pool pool;
    locksync::context context(service.settings());

    sim_fault(service.get(), "503", 1);
    const locksync::error away = thrown_by([&] { (void)pool.get(pool.fetch(context)); });
    CHECK_STATUS(away.status(), status::server);
    CHECK(away.retry_after() == 7s);
    CHECK_STATUS(pool.get(pool.try_fetch(context)).status(), status::server);
    CHECK_STATUS(pool.get(pool.try_fetch_directory(context)).status(), status::server);
    auto no_ids = pool.fetch(context, {});
    CHECK_STATUS(thrown_by([&] { (void)no_ids.get(); }).status(), status::invalid_argument);
    auto first = pool.fetch(context);
    CHECK_STATUS(pool.get(pool.try_fetch(context)).status(), status::busy);
    static_assert(!std::is_copy_constructible_v<locksync::context>);
    static_assert(std::is_nothrow_move_constructible_v<locksync::context>);
    CHECK_STATUS(context.try_set({}).status(), status::ok);
    locksync::settings s;
    s.timeout = 1s;
    CHECK_STATUS(context.try_set(s).status(), status::busy);
    CHECK_STATUS(thrown_by([&] { (void)pool.get(std::move(first)); }).status(), status::server);
}

CPP_TEST(a_callback_gets_the_results_and_may_throw)
{
    const simulator service;
    locksync::pool pool;
    locksync::context one(service.settings());
    locksync::context other(service.settings());
    int called = 0;

    const auto submit_both = [&] {
        pool.submit(one, {1001}, [&](locksync::expected<locksync::results> got) {
            called += got.status() == status::ok;
            throw std::runtime_error("one");
        });
        pool.submit_directory(other, [&](locksync::expected<locksync::directory> got) {
            called += got.status() == status::ok;
            throw 5;
        });
    };
    submit_both();
    int thrown = 0;
    while (thrown < 2) {
        try {
            pool.wait();
        } catch (const std::runtime_error &why) {
            CHECK_TEXT(why.what(), "one");
            thrown++;
        } catch (int five) {
            CHECK_INT(five, 5);
            thrown++;
        }
    }
    CHECK_INT(called, 2);
    submit_both();
    while (pool.pending() > 0)
        CHECK_STATUS(pool.try_wait().status(), status::ok);
    CHECK_STATUS(pool.try_dispatch().status(), status::ok);
    CHECK_STATUS(pool.try_wait(0ms).status(), status::ok);
    for (int i = 0; i < 2; i++) { // what try_wait() has kept
        try {
            pool.dispatch();
            CHECK(false);
        } catch (...) {
        }
    }
    pool.dispatch();
    pool.wait(-5ms);
    CHECK_STATUS(pool.try_submit(one, {}, [](auto) {}).status(), status::invalid_argument);
    CHECK_STATUS(pool.try_submit_directory(one, [](auto) {}).status(), status::ok);
}

CPP_TEST(a_callback_may_move_only)
{
    const simulator service;
    locksync::pool pool;
    locksync::context context(service.settings());
    auto promise = std::make_unique<std::promise<std::size_t>>();
    auto size = promise->get_future();

    pool.submit(context, locksync::all_locks,
                [promise = std::move(promise)](auto got) { promise->set_value(got->size()); });
    CHECK_INT(pool.get(std::move(size)), 4);
}

CPP_TEST(a_callback_may_destroy_the_pool_and_the_context)
{
    const simulator service;
    auto pool = std::make_unique<locksync::pool>();
    auto context = std::make_unique<locksync::context>(service.settings());
    locksync::context other(service.settings());
    status of_other = status::ok;
    bool ended = false;

    pool->submit(*context, locksync::all_locks, [&](auto got) {
        ended = got.has_value();
        context.reset();
        pool.reset();
        throw std::runtime_error("after all");
    });
    locksync::pool *const running = pool.get();
    try {
        while (!ended) {
            running->wait();
            if (pool != nullptr && pool->pending() == 1)
                continue;
        }
        CHECK(false);
    } catch (const std::runtime_error &why) {
        CHECK_TEXT(why.what(), "after all");
    }
    {
        locksync::pool short_lived;
        short_lived.submit(other, locksync::all_locks, [&](auto got) {
            of_other = got.status();
            throw 5; // dropped: a destructor does not throw
        });
    }
    CHECK_STATUS(of_other, status::cancelled);
}

CPP_TEST(a_context_that_is_destroyed_ends_its_fetch)
{
    const simulator slow({"--delay-ms", "60000"});
    locksync::pool pool;
    std::future<locksync::expected<locksync::results>> fetch;
    {
        locksync::context context(slow.settings());
        fetch = pool.try_fetch(context);
        pool.wait(50ms);
    }
    CHECK_STATUS(pool.get(std::move(fetch)).status(), status::cancelled);
}

CPP_TEST(a_provider_in_a_pool_may_throw)
{
    const simulator service;
    locksync::pool pool;
    locksync::settings s = service.settings();
    s.credential = std::nullopt;
    s.token_provider = [](bool) -> locksync::credential { throw std::logic_error("no token"); };
    locksync::context context(s);

    const locksync::error why = pool.get(pool.try_fetch(context)).error();
    CHECK_STATUS(why.status(), status::no_credential);
    CHECK(why.cause() != nullptr);
    s.transport = responds("");
    locksync::context own(s);
    CHECK_STATUS(pool.get(pool.try_fetch(own)).status(), status::invalid_argument);
}

CPP_TEST(a_pool_runs_watches)
{
    const simulator service({"--time-scale", "3600"});
    locksync::pool pool;
    locksync::context one(service.settings());
    locksync::context other(service.settings());
    auto watch = std::make_unique<locksync::watch>(one);
    locksync::watch by_serial = locksync::watch::by_serial(other, {*one.fetch_directory()[0].serial_number()});
    int batches = 0;
    std::string name;

    watch->set_interval(10ms);
    pool.run_watch(*watch, [&](locksync::expected<locksync::changes_view> changes) {
        REQUIRE(changes.has_value());
        CHECK((*changes)[0].has(change_kind::added) == (batches == 0));
        CHECK_INT(watch->results().size(), 4);
        if (++batches == 3)
            watch.reset();
    });
    CHECK_STATUS(pool.try_run_watch(*watch, [](auto) {}).status(), status::busy);
    pool.run_watch(by_serial, [&](locksync::expected<locksync::changes_view> changes) {
        name = (*changes)[0].info()->name().value();
        throw std::runtime_error("seen");
    });
    CHECK_INT(pool.pending(), 2);
    int thrown = 0;
    while (watch != nullptr || name.empty()) {
        try {
            pool.wait();
        } catch (const std::runtime_error &why) {
            CHECK_TEXT(why.what(), "seen");
            thrown++;
        }
    }
    CHECK_INT(batches, 3);
    CHECK(thrown > 0);
    CHECK_TEXT(name.c_str(), "Front door");
}

CPP_TEST(a_watch_in_a_pool_reports_errors_and_the_stop)
{
    const simulator service;
    locksync::pool pool;
    locksync::settings s = service.settings();
    s.credential = locksync::personal_key("wrong");
    locksync::context context(s);
    locksync::watch watch(context);
    std::vector<status> seen;

    pool.run_watch(watch,
                   [&](locksync::expected<locksync::changes_view> changes) { seen.push_back(changes.status()); });
    while (seen.empty())
        pool.wait();
    context.set_stopped(true);
    while (seen.size() < 2)
        pool.wait();
    pool.wait(50ms);
    CHECK_EQUAL(seen, (std::vector<status>{status::unauthorized, status::cancelled}));
}

CPP_TEST(an_event_loop_polls_the_descriptor)
{
    const simulator service;
    locksync::pool pool;
    locksync::context context(service.settings());
    auto fetch = pool.fetch(context);
    pollfd ready{pool.fd(), POLLIN, 0};

    if (pool.fd() < 0)
        return; // only on some systems
    while (fetch.wait_for(0s) != std::future_status::ready) {
        REQUIRE(poll(&ready, 1, 20000) == 1);
        pool.dispatch();
    }
    CHECK_INT(fetch.get().size(), 4);
    locksync::pool moved = std::move(pool);
    CHECK(pool.native() == nullptr && pool.fd() == -1);
    CHECK_INT(moved.get(moved.fetch(context)).size(), 4);
    CHECK_STATUS(locksync::pool::try_make().status(), status::ok);
}

CPP_TEST(a_callback_that_throws_loses_nothing)
{
    const simulator service;
    locksync::pool pool;
    locksync::context first(service.settings());
    locksync::context second(service.settings());
    locksync::context third(service.settings());
    auto fetch = pool.fetch(third);
    int thrown = 0;

    for (locksync::context *context : {&first, &second})
        pool.submit(*context, locksync::all_locks,
                    [](const locksync::expected<locksync::results> &) { throw std::runtime_error("mine"); });
    while (pool.pending() > 0 || thrown < 2) {
        try {
            pool.run();
        } catch (const std::runtime_error &) {
            thrown++;
        }
    }
    CHECK_INT(thrown, 2);
    CHECK_INT(pool.get(std::move(fetch)).size(), 4);
}

#ifdef __cpp_lib_jthread
CPP_TEST(a_refused_call_does_not_stop_the_fetch_that_runs)
{
    const simulator service;
    locksync::pool pool;
    locksync::context context(service.settings());
    std::stop_source source;
    auto first = pool.try_fetch(context);

    source.request_stop();
    CHECK_STATUS(pool.get(pool.try_fetch(context, locksync::all_locks, source.get_token())).status(), status::busy);
    CHECK_STATUS(pool.get(std::move(first)).status(), status::ok);
}

CPP_TEST(a_stop_token_ends_a_pool_s_fetch)
{
    const simulator slow({"--delay-ms", "60000"});
    const simulator service;
    locksync::pool pool;
    locksync::context context(slow.settings());
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(50ms);
        source.request_stop();
    });
    const auto token = source.get_token();

    CHECK_STATUS(pool.get(pool.try_fetch(context, {1001}, token)).status(), status::cancelled);
    CHECK_STATUS(pool.get(pool.try_fetch_directory(context, token)).status(), status::cancelled);
    CHECK_STATUS(thrown_by([&] { (void)pool.get(pool.fetch(context, {5}, token)); }).status(), status::cancelled);
    CHECK_STATUS(thrown_by([&] { (void)pool.get(pool.fetch_directory(context, token)); }).status(), status::cancelled);
    locksync::settings s;
    s.base_url = service.url();
    context.set(s);
    CHECK_INT(pool.get(pool.fetch(context)).size(), 4);
    {
        locksync::context gone(slow.settings());
        auto fetch = pool.try_fetch(gone, {1001}, token); // stopped, and its context goes first
    }
    pool.wait(0ms);
}
#endif

#ifdef __cpp_lib_coroutine
// The least coroutine: it starts at once, and keeps what it throws.
struct task {
    struct promise_type {
        task get_return_object()
        {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() noexcept
        {
            return {};
        }
        std::suspend_always final_suspend() noexcept
        {
            return {};
        }
        void return_void()
        {
        }
        void unhandled_exception()
        {
            thrown = std::current_exception();
        }
        std::exception_ptr thrown;
    };
    std::coroutine_handle<promise_type> handle;
};

static task fetch_twice(locksync::pool &pool, locksync::context &context, std::size_t &seen)
{
    // gcc 12 rejects a list in braces within co_await
    const std::vector<std::int64_t> some{1001, 77};
    const std::vector<std::int64_t> wrong{-5};
    const locksync::results one = co_await pool.async_fetch(context, some);
    seen += one.size() + one.missing().size();
    const locksync::directory names = co_await pool.async_fetch_directory(context);
    seen += names.size();
    const auto none = co_await pool.try_async_fetch(context, std::vector<std::int64_t>());
    seen += none.status() == status::invalid_argument;
    const auto again = co_await pool.try_async_fetch_directory(context);
    seen += again->size();
    (void)co_await pool.async_fetch(context, wrong);
}

CPP_TEST(a_coroutine_awaits_fetches)
{
    const simulator service;
    locksync::pool pool;
    locksync::context context(service.settings());
    std::size_t seen = 0;
    const task one = fetch_twice(pool, context, seen);

    pool.run();
    REQUIRE(one.handle.done());
    CHECK_INT(seen, 2 + 4 + 1 + 4);
    CHECK_STATUS(thrown_by([&] { std::rethrow_exception(one.handle.promise().thrown); }).status(),
                 status::invalid_argument);
    one.handle.destroy();
}

CPP_TEST(a_coroutine_that_is_destroyed_cancels_its_fetch)
{
    const simulator slow({"--delay-ms", "60000"});
    locksync::pool pool;
    locksync::context context(slow.settings());
    std::size_t seen = 0;
    const task one = fetch_twice(pool, context, seen);

    pool.wait(20ms);
    one.handle.destroy();
    pool.run();
    CHECK_INT(seen, 0);
}
#endif
