// The context against the simulator: settings, fetches, errors, and callbacks that throw.
#include "kit.hpp"

#include <atomic>
#include <csignal>
#include <ctime>
#include <thread>

using locksync::status;
using locksync::tristate;

CPP_TEST(all_locks_are_fetched)
{
    const simulator service;
    locksync::context context(service.settings());
    const locksync::results all = context.fetch();

    CHECK_INT(all.size(), 4);
    CHECK_INT(all[0].id(), 1001);
    CHECK(!all.is_cached());
    CHECK_BETWEEN(all.fetched_at().time_since_epoch().count() / 1000, std::time(nullptr) - 60, std::time(nullptr) + 1);
    CHECK(all.find(1002)->is_connected() == tristate::no);
    CHECK_EQUAL(context.fetch({1003, 77}).missing(), std::vector<std::int64_t>{77});
    CHECK_INT(context.fetch_one(1001).id(), 1001);
    CHECK_STATUS(context.try_fetch_one(77).status(), status::not_found);
    CHECK(context.native() != nullptr);
}

CPP_TEST(the_directory_has_names)
{
    const simulator service({"--static", "--locks", "8"});
    locksync::context context(service.settings());
    locksync::directory directory = context.fetch_directory();
    const locksync::lock_info first = directory[0];

    CHECK_INT(directory.size(), 8);
    CHECK(first.name() == "Front door");
    CHECK(first.time_zone() == "Europe/Warsaw");
    CHECK(first.type().has_value() && first.bridge_id().has_value() && !first.organization_id());
    CHECK(first.access_level() == locksync::access_level::owner);
    REQUIRE(first.serial_number().has_value());
    CHECK(directory.find_serial(*first.serial_number())->id() == first.id());
    CHECK(!directory.find_serial("no such") && !directory.find_serial(std::string_view("a\0b", 3)));
    CHECK(directory.find(1003)->id() == 1003 && !directory.find(77));
    const auto [count, one] = directory.find_name("Front door");
    CHECK_INT(count, 2);
    CHECK(one && one->id() == 1001);
    CHECK_INT(directory.find_name("no such").first, 0);
    CHECK_INT(directory.find_name(std::string_view("a\0b", 3)).first, 0);
    CHECK_INT(directory.results().size(), 8);
    CHECK(directory.fetched_at() > locksync::time_point());

    locksync::context other = offline(R"({"result":[{"id":5,"type":77}],"success":true})");
    const locksync::lock_info bare = other.fetch_directory()[0];
    CHECK(bare.type() == static_cast<locksync::device_type>(77));
    CHECK(!bare.name() && !bare.serial_number() && !bare.time_zone() && !bare.bridge_id() && !bare.access_level());
}

CPP_TEST(all_settings_are_accepted)
{
    locksync::settings s;
    s.credential = locksync::access_token("token", locksync::time_point(locksync::milliseconds(4102444800000)));
    s.base_url = "https://locks.example";
    s.api_version = "v36";
    s.connect_timeout = 1s;
    s.timeout = 30s;
    s.max_idle = 1min;
    s.max_response_bytes = 65536;
    s.allow_http = false;
    s.ca_file = "/nowhere";
    s.proxy = "http://127.0.0.1:1";
    s.user_agent = "acme-hub/2.1";
    s.log = [](locksync::log_level, std::string_view) {};
    s.token_provider = [](bool) { return locksync::personal_key("key"); };
    s.transport = responds("");
    s.guard = locksync::guard();
    s.guard_mode = locksync::guard_mode::wait;
    locksync::context context(s);
    const locksync::request request = context.build({5, 6});

    CHECK_EQUAL(request.url(), "https://locks.example/api/v36/my/lock/sync?id=5&id=6");
    CHECK_EQUAL(request.timeout(), 30s);
    CHECK_EQUAL(request.connect_timeout(), 1s);
    CHECK_EQUAL(request.method(), "GET");
    CHECK(!request.is_cancelled());
    bool authorized = false;
    for (const auto &[name, value] : request.headers())
        authorized = authorized || (name == "Authorization" && value == "Bearer token");
    CHECK(authorized);
}

CPP_TEST(nullptr_restores_a_default)
{
    locksync::context context = offline("");
    locksync::settings s;
    s.base_url = "https://locks.example";
    context.set(s);
    s.base_url = nullptr;
    context.set(s);
    CHECK_HAS(context.build().url(), "https://api.tedee.com/");
    s = {};
    s.credential = locksync::personal_key(nullptr);
    context.set(s);
    CHECK_STATUS(context.try_build().status(), status::no_credential);
}

CPP_TEST(a_rejected_setting_says_why)
{
    const simulator service;
    locksync::context context(service.settings());
    locksync::settings s;

    s.base_url = "ftp://127.0.0.1";
    CHECK_HAS(thrown_by([&] { context.set(s); }).what(), "http");
    CHECK_STATUS(thrown_by([&] { locksync::context made(s); }).status(), status::invalid_argument);
    s = {};
    s.credential = locksync::personal_key(std::string("demo-key\0more", 13));
    CHECK_HAS(context.try_set(s).error().what(), "NUL");
    s = {};
    s.user_agent = std::string("a\0b", 3);
    CHECK_STATUS(context.try_set(s).status(), status::invalid_argument);
    s = {};
    s.timeout = -1ms;
    CHECK_STATUS(context.try_set(s).status(), status::invalid_argument);
    CHECK_INT(context.fetch().size(), 4);
}

CPP_TEST(an_error_has_its_detail)
{
    const simulator service;
    locksync::context context(service.settings());

    sim_fault(service.get(), "503", 1);
    const locksync::error away = thrown_by([&] { (void)context.fetch(); });
    CHECK_STATUS(away.status(), status::server);
    CHECK(away.http_status() == 503 && away.retry_after() == 7s && away.is_retryable() && !away.byte_offset());
    CHECK(away.cause() == nullptr);
    sim_fault(service.get(), "503", 0);
    sim_fault(service.get(), "403", 1);
    const locksync::error denied = context.try_fetch().error();
    CHECK(denied.http_status() == 403 && !denied.retry_after() && !denied.is_retryable());
    REQUIRE(denied.api_messages().size() == 1);
    CHECK_HAS(denied.what(), denied.api_messages()[0].c_str());
    CHECK(denied.correlation_id().has_value() && denied.correlation_id()->size() == 36);
    sim_fault(service.get(), "403", 0);
    sim_fault(service.get(), "bad-json", 1);
    CHECK(context.try_fetch_directory().error().byte_offset() > 0);
    sim_fault(service.get(), "bad-json", 0);
    sim_fault(service.get(), "429", 1);
    const locksync::error limited = context.try_fetch().error();
    CHECK_STATUS(limited.status(), status::rate_limited);
    CHECK(limited.retry_after() == 7s && limited.http_status() == 429);
}

CPP_TEST(the_simulator_is_killed_in_mid_fetch)
{
    const char *const command[] = {std::getenv("LOCKSYNC_SIM"), "--delay-ms", "60000", nullptr};
    child *const service = child_start(command, false);
    char *const url = child_line(service, "http", KIT_PATIENCE_MS);
    locksync::settings s;
    s.base_url = url;
    s.credential = locksync::personal_key("demo-key");
    s.guard_mode = locksync::guard_mode::off;
    locksync::context context(s);
    std::thread killer([&] {
        std::this_thread::sleep_for(200ms);
        std::free(child_stop(service, SIGKILL, nullptr));
    });
    const status ended = context.try_fetch().status();

    killer.join();
    std::free(url);
    CHECK_STATUS(ended, status::network);
    CHECK_STATUS(context.try_fetch().status(), status::connect);
}

CPP_TEST(another_thread_cancels_and_stops)
{
    simulator service({"--delay-ms", "60000"});
    locksync::context context(service.settings());
    std::atomic<bool> ended = false;
    std::thread canceller([&] {
        while (!ended) {
            context.cancel();
            std::this_thread::sleep_for(1ms);
        }
    });

    CHECK_STATUS(context.try_fetch().status(), status::cancelled);
    ended = true;
    canceller.join();
    context.set_stopped(true);
    context.set_stopped(true);
    CHECK_STATUS(context.try_fetch().status(), status::cancelled);
    CHECK_STATUS(context.try_fetch_directory().status(), status::cancelled);
    service.stop();
    context.set_stopped(false);
    CHECK_STATUS(context.try_fetch().status(), status::connect);
}

CPP_TEST(a_context_moves_with_its_callbacks)
{
    std::string lines;
    locksync::settings s;
    s.log = [&](locksync::log_level, std::string_view line) { lines += line; };
    locksync::context one = offline(R"({"result":[{"id":5}]})");
    one.set(s);
    locksync::context other = std::move(one);

    CHECK_INT(other.fetch().size(), 1);
    CHECK_HAS(lines, "/my/lock/sync");
    one = std::move(other);
    CHECK_INT(one.fetch().size(), 1);
    CHECK_INT(locksync::context::try_make().value().try_fetch().status() == status::no_credential, true);
}

CPP_TEST(a_logger_gets_lines_and_may_throw)
{
    const simulator service;
    locksync::settings s = service.settings();
    std::vector<std::pair<locksync::log_level, std::string>> lines;
    s.log = [&](locksync::log_level level, std::string_view line) {
        lines.emplace_back(level, line);
        throw std::runtime_error("the disk is full");
    };
    locksync::context context(s);

    CHECK_INT(context.fetch().size(), 4);
    CHECK_INT(context.fetch().size(), 4); // the context is not busy
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].first == locksync::log_level::info);
    CHECK_LACKS(lines[0].second.c_str(), "demo-key");
    s = {};
    s.log = nullptr;
    context.set(s);
    CHECK_INT(context.fetch().size(), 4);
    CHECK_INT(lines.size(), 2);
}

CPP_TEST(a_provider_is_called_again_after_a_401)
{
    const simulator service({"--static", "--access-token", "fresh"});
    std::vector<bool> calls;
    locksync::settings s = service.settings();
    s.credential = std::nullopt;
    s.token_provider = [&](bool rejected) {
        calls.push_back(rejected);
        return locksync::access_token(rejected ? "fresh" : "stale");
    };
    locksync::context context(s);

    CHECK_INT(context.fetch().size(), 4);
    CHECK_EQUAL(calls, (std::vector<bool>{false, true}));
}

// The fetch's error is of this status, and its cause is what was thrown.
template <class Cause> static void check_cause(const locksync::settings &s, status want, const char *what)
{
    locksync::context context(s);

    for (int i = 0; i < 2; i++) { // the second time, because the context must not be busy
        const locksync::error why = thrown_by([&] { (void)context.fetch(); });
        CHECK_STATUS(why.status(), want);
        REQUIRE(why.cause() != nullptr);
        try {
            std::rethrow_exception(why.cause());
        } catch (const Cause &cause) {
            CHECK_TEXT(cause.what(), what);
        }
    }
}

CPP_TEST(what_a_provider_throws_is_the_cause)
{
    locksync::settings s;
    s.transport = responds("");
    s.guard_mode = locksync::guard_mode::off;
    s.token_provider = [](bool) -> locksync::credential { throw std::logic_error("no token"); };
    check_cause<std::logic_error>(s, status::no_credential, "no token");
    s.token_provider = [](bool) -> locksync::credential { throw locksync::error(status::timeout, "slow"); };
    check_cause<locksync::error>(s, status::timeout, "slow");
    s.token_provider = [](bool) -> locksync::credential { throw locksync::error(status::ok, "no failure"); };
    check_cause<locksync::error>(s, status::no_credential, "no failure");
    s.token_provider = [](bool) { return locksync::access_token(std::string("a\0b", 3)); };
    check_cause<locksync::error>(s, status::invalid_argument, "a string contains a NUL");
    s.token_provider = [](bool) { return locksync::personal_key("a b"); };
    CHECK_STATUS(locksync::context(s).try_fetch().status(), status::invalid_argument);
    s.token_provider = nullptr;
    CHECK_STATUS(locksync::context(s).try_fetch().status(), status::no_credential);
}

CPP_TEST(what_a_transport_throws_is_the_cause)
{
    locksync::settings s;
    const auto throwing = [&](auto thrown) {
        s.transport = locksync::make_transport(
            [thrown](const locksync::request_view &, locksync::response_view &) { throw thrown; });
        return s;
    };
    s.credential = locksync::personal_key("key");
    s.guard_mode = locksync::guard_mode::off;

    check_cause<std::logic_error>(throwing(std::logic_error("a bug")), status::network, "a bug");
    check_cause<locksync::error>(throwing(locksync::error(status::tls, "no trust")), status::tls, "no trust");
    s.transport = locksync::make_transport([](const locksync::request_view &, locksync::response_view &) { throw 5; });
    try {
        std::rethrow_exception(locksync::context(s).try_fetch().error().cause());
    } catch (int number) {
        CHECK_INT(number, 5);
    }
}

CPP_TEST(a_transport_fills_the_response)
{
    int destroyed = 0;
    struct client final : locksync::transport {
        explicit client(int &destroyed_) : destroyed(destroyed_)
        {
        }
        ~client() override
        {
            ++destroyed;
        }
        void perform(const locksync::request_view &request, locksync::response_view &response) override
        {
            CHECK_EQUAL(request.url(), "https://api.tedee.com/api/v37/my/lock/sync");
            CHECK(request.timeout() > 0ms && request.timeout() <= 30s);
            response.set_status(429);
            response.add_header("Retry-After", "9");
            response.append_body("{}");
        }
        void cancel() noexcept override
        {
            ++cancelled;
        }
        int &destroyed;
        std::atomic<int> cancelled = 0;
    };
    const auto one = std::make_shared<client>(destroyed);
    locksync::settings s;
    s.credential = locksync::personal_key("key");
    s.transport = one;
    s.log = [&](locksync::log_level, std::string_view) { one->cancel(); };
    {
        locksync::context context(s);
        CHECK_EQUAL(context.try_fetch().error().retry_after(), 9s);
        CHECK(one->cancelled > 0);
        s = {};
        s.transport = nullptr; // the built-in one
        context.set(s);
        CHECK_INT(one.use_count(), 1);
    }
    CHECK_INT(destroyed, 0);
}

CPP_TEST(a_body_beyond_the_limit_is_too_large)
{
    locksync::context context = offline(std::string(1000, ' '));
    locksync::settings s;
    s.max_response_bytes = 100;
    context.set(s);
    CHECK_STATUS(context.try_fetch().status(), status::too_large);
}

CPP_TEST(requests_and_responses_need_no_transport)
{
    locksync::context context = offline("");
    const locksync::request one = context.build_one(5);
    const locksync::request page = context.build_directory();
    locksync::response response = context.make_response();

    CHECK_HAS(one.url(), "/my/lock/5/sync");
    CHECK_HAS(page.url(), "Page=1");
    CHECK_STATUS(context.try_decode(one, response).status(), status::invalid_argument); // no status yet
    response.set_status(200);
    response.set_received_at(locksync::time_point(5s));
    response.append_body(R"({"result":)");
    response.append_body(R"({"id":5,"isConnected":true}})");
    const locksync::results results = context.decode(one, response);
    CHECK_INT(results[0].id(), 5);
    CHECK_EQUAL(results.fetched_at(), locksync::time_point(5s));

    locksync::response names = context.make_response();
    names.set_status(200);
    names.append_body(R"({"result":[{"id":5,"name":"Shed"}],"success":true})");
    CHECK(context.decode_directory(page, names)[0].name() == "Shed");
    CHECK_STATUS(context.try_decode_directory(one, names).status(), status::invalid_argument);
    CHECK_STATUS(names.try_set_status(5).status(), status::invalid_argument);
    CHECK_STATUS(names.try_set_received_at(locksync::time_point(-5s)).status(), status::invalid_argument);
    CHECK_STATUS(names.try_add_header("a\r\n", "b").status(), status::invalid_argument);
    CHECK_STATUS(names.try_add_header("a", std::string("b\0", 2)).status(), status::invalid_argument);
    CHECK_STATUS(names.try_append_body({nullptr, 5}).status(), status::invalid_argument);
    CHECK_STATUS(context.try_build_directory(0).status(), status::invalid_argument);
    CHECK_STATUS(context.try_build_one(-5).status(), status::invalid_argument);
}

CPP_TEST(a_full_page_of_the_directory_has_more)
{
    locksync::context context = offline("");

    for (const std::size_t count : {99u, 100u}) {
        locksync::response response = context.make_response();
        std::string body = R"({"success":true,"result":[{"id":1})";

        for (std::size_t i = 1; i < count; i++)
            body += R"(,{"id":1})"; // equal records count once in the directory
        response.set_status(200);
        response.append_body(body + "]}");
        const locksync::directory page = context.decode_directory(context.build_directory(), response);
        CHECK_INT(page.size(), 1);
        CHECK(page.has_more() == (count == 100));
    }
}
