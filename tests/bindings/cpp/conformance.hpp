// The cases of bindings/conformance: reads them, and compares what a call returned with their members `expected`.
#ifndef CPP_CONFORMANCE_HPP
#define CPP_CONFORMANCE_HPP

#include "kit.hpp"

#include "json.hpp"

#include <algorithm>

[[noreturn]] inline void unknown(const std::string &what)
{
    throw std::runtime_error("the runner does not know: " + what);
}

inline json cases(const char *file)
{
    const char *const folder = std::getenv("LOCKSYNC_CONFORMANCE");
    REQUIRE(folder != nullptr);
    return json::read(std::string(folder) + "/" + file);
}

inline std::string short_name(locksync::status s)
{
    return std::string(locksync::name(s).substr(std::string("LOCK_SYNC_").size()));
}

inline std::optional<bool> known(locksync::tristate value)
{
    if (value == locksync::tristate::unknown)
        return std::nullopt;
    return value == locksync::tristate::yes;
}

template <class T> std::optional<std::int64_t> number(std::optional<T> value)
{
    if (!value)
        return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

inline json text(std::string_view value)
{
    return json::of(std::string(value));
}

inline json id_of(std::int64_t id)
{
    return json::of(id);
}

inline json record(const locksync::lock &lock)
{
    json all = json::object();

    all.set("id", json::of(lock.id()));
    all.set("is_connected", known(lock.is_connected()));
    all.set("revision", lock.revision());
    all.set("state", number(lock.state()));
    all.set("door_state", number(lock.door_state()));
    all.set("is_charging", known(lock.is_charging()));
    all.set("battery_level", number(lock.battery_level()));
    all.set("state_change_result", number(lock.state_change_result()));
    if (const auto when = lock.last_state_changed())
        all.set("last_state_changed_ms", json::of(std::int64_t{when->time_since_epoch().count()}));
    all.set("is_locked", known(lock.is_locked()));
    all.set("is_jammed", known(lock.is_jammed()));
    all.set("state_text", text(lock.state_text()));
    all.set("door_text", text(lock.door_text()));
    return all;
}

inline json facts(const locksync::lock_info &info)
{
    json all = json::object();

    all.set("id", json::of(info.id()));
    all.set("name", info.name());
    all.set("serial_number", info.serial_number());
    all.set("time_zone", info.time_zone());
    all.set("bridge_id", info.bridge_id());
    all.set("organization_id", info.organization_id());
    all.set("type", number(info.type()));
    all.set("access_level", number(info.access_level()));
    return all;
}

inline json kinds(const locksync::change &change)
{
    static const char *const names[] = {"ADDED",   "REMOVED",  "CONNECTED", "DISCONNECTED", "STATE",   "DOOR",
                                        "BATTERY", "CHARGING", "RESULT",    "CONFIG",       "RENAMED", "NEW_ID"};
    std::vector<std::string> all;

    for (unsigned bit = 0; bit < COUNT_OF(names); bit++)
        if (change.has(static_cast<locksync::change_kind>(1U << bit)))
            all.emplace_back(names[bit]);
    return json::list(all, text);
}

inline json whole_change(const locksync::change &change)
{
    json all = json::object();

    all.set("id", json::of(change.id()));
    all.set("kinds", kinds(change));
    if (change.before())
        all.set("before", record(*change.before()));
    if (change.after())
        all.set("after", record(*change.after()));
    return all;
}

inline json named_change(const locksync::change &change)
{
    json all = json::object();

    all.set("id", json::of(change.id()));
    all.set("kinds", kinds(change));
    if (change.before() && change.after() && change.before()->id() != change.after()->id())
        all.set("old_id", json::of(change.before()->id()));
    if (change.info()) {
        all.set("name", change.info()->name());
        all.set("serial_number", change.info()->serial_number());
    }
    return all;
}

// The outcome of a call, with the names of `expected`.
inline json succeeded()
{
    json all = json::object();

    all.set("status", text("OK"));
    return all;
}

inline json failed(const locksync::error &why)
{
    json all = json::object();

    all.set("status", text(short_name(why.status())));
    all.set("message", text(why.what()));
    all.set("http_status", number(why.http_status()));
    if (why.retry_after())
        all.set("retry_after_ms", json::of(std::int64_t{why.retry_after()->count()}));
    all.set("byte_offset", why.byte_offset());
    all.set("correlation_id", why.correlation_id());
    all.set("api_messages", json::list(why.api_messages(), text));
    all.set("is_retryable", json::of(why.is_retryable()));
    return all;
}

inline json outcome(const locksync::expected<void> &done)
{
    return done ? succeeded() : failed(done.error());
}

inline json outcome(const locksync::expected<locksync::results> &got)
{
    if (!got)
        return failed(got.error());
    json all = succeeded();
    all.set("records", json::list(*got, record));
    all.set("ids", json::list(*got, [](const locksync::lock &lock) { return id_of(lock.id()); }));
    all.set("missing", json::list(got->missing(), id_of));
    all.set("is_cached", json::of(got->is_cached()));
    return all;
}

inline json outcome(const locksync::expected<locksync::directory> &got)
{
    if (!got)
        return failed(got.error());
    json all = succeeded();
    all.set("directory", json::list(*got, facts));
    all.set("records", json::list(got->results(), record));
    return all;
}

template <class Changes> json outcome_of_watch(const locksync::expected<Changes> &got, const locksync::watch &watch)
{
    json all = got ? succeeded() : failed(got.error());

    if (got)
        all.set("changes", json::list(*got, named_change));
    all.set("ids", json::list(watch.results(), [](const locksync::lock &lock) { return id_of(lock.id()); }));
    all.set("last_status", text(short_name(watch.last_status())));
    return all;
}

// Checks each member of `expected`. Fails for a member that it does not know.
inline void compare(const json &got, const json &expected)
{
    static const std::vector<std::string> plain = {
        "status",  "http_status", "retry_after_ms", "byte_offset", "correlation_id", "api_messages", "is_retryable",
        "records", "ids",         "missing",        "is_cached",   "directory",      "changes",      "last_status"};

    CHECK_LACKS(got.dump().c_str(), "HIDE");
    for (const auto &[name, value] : expected.members()) {
        if (name == "message_contains") {
            for (const json &part : value.items())
                CHECK_HAS(got["message"].text(), part.text().c_str());
        } else if (name == "retry_after_max_ms") {
            CHECK_BETWEEN(got["retry_after_ms"].number(), 1, value.number());
        } else if (std::find(plain.begin(), plain.end(), name) != plain.end()) {
            t_check_text(got[name.c_str()].dump().c_str(), value.dump().c_str(), name.c_str(), __FILE__, __LINE__);
        } else {
            unknown(name);
        }
    }
}

#endif
