// Values, records, ranges and diff. Nothing here needs a server.
#include "kit.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#if __cplusplus >= 202002L
#  include <ranges>
#  include <span>
#endif

using locksync::change_kind;
using locksync::status;
using locksync::tristate;

static const std::string three =
    R"({"result":[{"id":5,"isConnected":true,"revision":7,"deviceState":{"state":17,"doorState":77,"isCharging":0,)"
    R"("batteryLevel":54,"stateChangeResult":1,"lastStateChangedDate":"2024-05-06T07:08:09.123Z"}},)"
    R"({"id":6,"isConnected":false},{"id":7,"isConnected":true,"deviceState":{"state":6}}]})";

CPP_TEST(a_record_has_what_was_sent)
{
    const locksync::results all = decoded(three);
    const locksync::lock lock = all[0];

    CHECK_INT(all.size(), 3);
    CHECK_INT(lock.id(), 5);
    CHECK(lock.is_connected() == tristate::yes);
    CHECK(lock.is_charging() == tristate::no);
    CHECK(lock.is_jammed() == tristate::yes);
    CHECK(lock.revision() == 7);
    CHECK(lock.battery_level() == 54);
    CHECK(lock.state_change_result() == 1);
    CHECK(lock.has_device_state());
    CHECK(lock.last_state_changed() == locksync::time_point(locksync::milliseconds(1714979289123)));
}

CPP_TEST(a_number_without_a_name_is_kept)
{
    const locksync::lock lock = decoded(three)[0];

    CHECK(lock.state() == static_cast<locksync::lock_state>(17));
    CHECK(lock.door_state() == static_cast<locksync::door_state>(77));
    CHECK_EQUAL(lock.state_text(), "unknown");
    CHECK_EQUAL(lock.door_text(), "unknown");
    CHECK(lock.is_locked() == tristate::unknown);
}

CPP_TEST(a_value_that_is_unknown_is_absent)
{
    const locksync::lock lock = decoded(three)[1];

    CHECK(lock.is_connected() == tristate::no);
    CHECK(!lock.state() && !lock.door_state() && !lock.battery_level() && !lock.state_change_result());
    CHECK(!lock.last_state_changed() && !lock.revision() && !lock.has_device_state());
    CHECK(lock.is_locked() == tristate::unknown);
    CHECK(lock.is_jammed() == tristate::unknown);
    CHECK(lock.is_charging() == tristate::unknown);
}

CPP_TEST(a_tristate_converts_to_no_bool)
{
    static_assert(!std::is_convertible_v<tristate, bool> && !std::is_constructible_v<bool, tristate>);
    static_assert(!std::is_constructible_v<bool, locksync::results>);
    CHECK(decoded(three)[2].is_locked() == tristate::yes);
}

CPP_TEST(records_are_values)
{
    std::optional<locksync::lock> kept;
    {
        const locksync::results all = decoded(three);
        kept = all.find(7);
        CHECK(*kept == all[2]);
        CHECK(*kept != all[0]);
    }
    REQUIRE(kept.has_value());
    CHECK(kept->state() == locksync::lock_state::locked);
    static_assert(std::is_trivially_copyable_v<locksync::lock>);
}

CPP_TEST(results_are_a_range)
{
    const locksync::results all = decoded(three);
    std::map<std::int64_t, locksync::lock> by_id;

    for (const locksync::lock &lock : all)
        by_id.emplace(lock.id(), lock);
    CHECK_INT(by_id.size(), 3);
    CHECK(std::all_of(all.begin(), all.end(), [](const locksync::lock &lock) { return lock.id() > 4; }));
    CHECK_INT(all.end() - all.begin(), 3);
    CHECK_INT(all.begin()[2].id(), 7);
    CHECK_INT((*(1 + all.begin())).id(), 6);
    CHECK_INT((all.end() - 1)->id(), 7);
    auto at = all.begin();
    CHECK_INT((at++)->id() * 10 + at->id(), 56);
    CHECK_INT((at--)->id() * 10 + at->id(), 65);
    CHECK(at == all.begin() && at != all.end() && at < all.end() && all.end() > at && at <= at && at >= at);
    at += 2;
    at -= 1;
    CHECK_INT((--++at)->id(), 6);
#if __cplusplus >= 202002L
    static_assert(std::ranges::random_access_range<locksync::results>);
    static_assert(std::ranges::sized_range<locksync::results>);
    static_assert(std::ranges::random_access_range<locksync::directory_view>);
    const auto found = std::ranges::find(all, tristate::no, &locksync::lock::is_connected);
    REQUIRE(found != all.end());
    CHECK_INT(found->id(), 6);
#endif
}

CPP_TEST(an_index_past_the_end_is_thrown)
{
    const locksync::results all = decoded(three);

    try {
        (void)all[3];
        CHECK(false);
    } catch (const std::out_of_range &) {
    }
    CHECK(!all.find(77));
    CHECK(all.native() != nullptr);
    CHECK(locksync::results().empty());
    CHECK_INT(locksync::results_view().size(), 0);
}

CPP_TEST(owners_move)
{
    static_assert(!std::is_copy_constructible_v<locksync::results>);
    static_assert(std::is_nothrow_move_constructible_v<locksync::results>);
    static_assert(std::is_nothrow_move_assignable_v<locksync::changes>);
    locksync::results one = decoded(three);
    locksync::results other = std::move(one);

    CHECK(one.native() == nullptr);
    one = std::move(other);
    CHECK_INT(one.size(), 3);
    one = decoded(R"({"result":[]})");
    CHECK(one.empty());
    lock_sync_results_free(one.release());
}

template <class T, class = void> constexpr bool gives_results = false;
template <class T> constexpr bool gives_results<T, std::void_t<decltype(std::declval<T>().results())>> = true;

CPP_TEST(results_of_a_directory_cannot_outlive_it_at_once)
{
    static_assert(gives_results<locksync::directory &> && gives_results<locksync::directory_view>);
    static_assert(!gives_results<locksync::directory>);
}

CPP_TEST(ids_come_from_any_container)
{
    const std::vector<std::int64_t> many{5, 77};
    const std::array<std::int64_t, 2> two{5, 78};
    const std::int64_t plain[] = {79};

    CHECK_EQUAL(decoded(three, many).missing(), std::vector<std::int64_t>{77});
    CHECK_EQUAL(decoded(three, two).missing(), std::vector<std::int64_t>{78});
    CHECK_EQUAL(decoded(three, plain).missing(), std::vector<std::int64_t>{79});
    CHECK_EQUAL(decoded(three, {80, 5, 81}).missing(), (std::vector<std::int64_t>{80, 81}));
    CHECK_EQUAL(decoded(three, {many.data(), 1}).size(), 1U);
    CHECK(decoded(three).missing().empty());
#if __cplusplus >= 202002L
    CHECK_EQUAL(decoded(three, std::span(many).subspan(1)).missing(), std::vector<std::int64_t>{77});
#endif
    static_assert(!std::is_constructible_v<locksync::ids, std::vector<int>>, "C would read other numbers");
    static_assert(!std::is_default_constructible_v<locksync::ids>, "it could mean all locks, or no lock");
}

CPP_TEST(no_id_is_rejected)
{
    locksync::context context = offline(three);

    const locksync::error why = thrown_by([&] { (void)context.build({}); });
    CHECK_STATUS(why.status(), status::invalid_argument);
    CHECK_HAS(why.what(), "all_locks");
    CHECK_STATUS(context.try_fetch(std::vector<std::int64_t>()).status(), status::invalid_argument);
    CHECK_STATUS(context.try_fetch({nullptr, 0}).status(), status::invalid_argument);
    CHECK_STATUS(locksync::watch::try_make(context, {}).status(), status::invalid_argument);
    CHECK_STATUS(locksync::watch::try_by_serial(context, {}).status(), status::invalid_argument);
    CHECK_INT(context.fetch().size(), 3);
    CHECK_INT(context.fetch(locksync::all_locks).size(), 3);
}

CPP_TEST(changes_are_found)
{
    const locksync::results before = decoded(three);
    const locksync::results after = decoded(
        R"({"result":[{"id":7,"isConnected":true,"deviceState":{"state":2}},{"id":8,"isConnected":true}]})");
    const locksync::changes changes = locksync::diff(before, after);

    REQUIRE(changes.size() == 4);
    CHECK_INT(changes[0].id(), 5);
    CHECK(changes[0].has(change_kind::removed) && !changes[0].after() && changes[0].before()->id() == 5);
    const locksync::change moved = changes[2];
    CHECK(moved.kinds() == change_kind::state);
    CHECK(moved.has(change_kind::state | change_kind::door) && !moved.has(change_kind::door));
    CHECK(moved.before()->is_locked() == tristate::yes && moved.after()->is_locked() == tristate::no);
    CHECK(!moved.info());
    CHECK(changes[3].has(change_kind::added) && !changes[3].before());
    CHECK_STATUS(locksync::try_diff(before, {}).status(), status::invalid_argument);
}

CPP_TEST(names_are_the_library_s)
{
    CHECK_EQUAL(locksync::name(status::too_soon), "LOCK_SYNC_E_TOO_SOON");
    CHECK_EQUAL(locksync::name(static_cast<status>(99)), "LOCK_SYNC_E_?");
    CHECK(!locksync::message(status::too_soon).empty());
    CHECK(locksync::is_retryable(status::server) && !locksync::is_retryable(status::forbidden));
    CHECK_EQUAL(locksync::name(locksync::lock_state::semi_locked), "semi-locked");
    CHECK_EQUAL(locksync::name(locksync::door_state::not_paired), "not paired");
    CHECK_EQUAL(locksync::version(), lock_sync_version());
}

CPP_TEST(a_text_owns_a_string_or_nothing)
{
    locksync::text one = "a";
    locksync::text other = std::string("b");

    CHECK_TEXT(locksync::text(nullptr).c_str(), nullptr);
    CHECK_TEXT(locksync::text(std::getenv("NO_SUCH_VARIABLE")).c_str(), nullptr);
    CHECK_TEXT(locksync::text(std::string_view("abc", 2)).c_str(), "ab");
    other = one;
    CHECK_TEXT(other.c_str(), "a");
    other = std::move(one);
    CHECK_TEXT(other.c_str(), "a");
    CHECK(!locksync::text(std::string("a\0b", 3)).is_whole());
}

CPP_TEST(an_expected_has_a_value_or_an_error)
{
    locksync::expected<int> good = 5;
    const locksync::expected<int> bad = locksync::error(status::tls);
    const locksync::expected<void> done;
    const locksync::expected<void> undone = locksync::error(status::http);
    locksync::expected<std::string> word = std::string("ab");

    CHECK(good && good.has_value() && *good == 5 && good.value() == 5 && *std::move(good) == 5);
    CHECK_INT(word->size(), 2);
    CHECK_STATUS(good.status(), status::ok);
    CHECK(!bad);
    CHECK_STATUS(bad.status(), status::tls);
    CHECK_STATUS(thrown_by([&] { (void)bad.value(); }).status(), status::tls);
    CHECK_STATUS(thrown_by([&] { (void)*bad; }).status(), status::tls);
    CHECK_EQUAL(std::string(bad.error().what()), locksync::message(status::tls));
    CHECK(done.has_value() && done);
    done.value();
    CHECK_STATUS(done.status(), status::ok);
    CHECK_STATUS(undone.error().status(), status::http);
    CHECK_STATUS(thrown_by([&] { undone.value(); }).status(), status::http);
    static_assert(std::is_nothrow_copy_constructible_v<locksync::error>, "an exception must be copied without another");
}
