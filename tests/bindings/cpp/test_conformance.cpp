// Runs the cases of bindings/conformance, whose folder is in the environment variable LOCKSYNC_CONFORMANCE.
#include "conformance.hpp"

#include <deque>
#include <limits>

using locksync::status;

namespace
{

// --- arguments ---

locksync::text text_setting(const json &value)
{
    return value.is_null() ? locksync::text(nullptr) : locksync::text(value.text());
}

std::uint32_t unsigned_32(const json &value) // the compiler warns of a wider one
{
    if (value.number() < 0 || value.number() > std::numeric_limits<std::uint32_t>::max())
        throw locksync::error(status::invalid_argument);
    return static_cast<std::uint32_t>(value.number());
}

std::vector<std::int64_t> numbers(const json &list)
{
    std::vector<std::int64_t> all;

    for (const json &one : list.items())
        all.push_back(one.number());
    return all;
}

std::vector<std::string> texts(const json &list)
{
    std::vector<std::string> all;

    for (const json &one : list.items())
        all.push_back(one.text());
    return all;
}

// Calls `use` with the ids of a case; without any it names all locks.
template <class Use> auto with_ids(const json &list, Use use)
{
    const std::vector<std::int64_t> some = numbers(list);

    return use(list.is_null() ? locksync::ids(locksync::all_locks) : locksync::ids(some));
}

locksync::settings settings_of(const json &wanted)
{
    locksync::settings s;

    for (const auto &[name, value] : wanted.members()) {
        const locksync::milliseconds time(value.number());
        if (name == "personal_key")
            s.credential = locksync::personal_key(text_setting(value));
        else if (name == "access_token")
            s.credential = locksync::access_token(text_setting(value));
        else if (name == "access_token_until")
            s.credential = locksync::access_token(
                text_setting(value.items().at(0)),
                locksync::time_point(locksync::milliseconds(value.items().at(1).number())));
        else if (name == "base_url")
            s.base_url = text_setting(value);
        else if (name == "api_version")
            s.api_version = text_setting(value);
        else if (name == "ca_file")
            s.ca_file = text_setting(value);
        else if (name == "proxy")
            s.proxy = text_setting(value);
        else if (name == "user_agent")
            s.user_agent = text_setting(value);
        else if (name == "connect_timeout_ms")
            s.connect_timeout = time;
        else if (name == "timeout_ms")
            s.timeout = time;
        else if (name == "max_idle_ms")
            s.max_idle = time;
        else if (name == "max_response_bytes")
            s.max_response_bytes = static_cast<std::uint64_t>(value.number());
        else if (name == "allow_http")
            s.allow_http = value.flag();
        else if (name == "guard_mode")
            s.guard_mode = static_cast<locksync::guard_mode>(value.number());
        else
            unknown(name);
    }
    return s;
}

void set_guard(locksync::guard &guard, const json &wanted)
{
    static const char *const kinds_of_requests[] = {"SYNC", "DIRECTORY", "OTHER"};

    for (const auto &[name, value] : wanted.members()) {
        if (name == "min_interval_ms") {
            guard.set_min_interval(locksync::milliseconds(value.number()));
        } else if (name == "hourly_budget") {
            guard.set_hourly_budget(unsigned_32(value.items().at(0)), unsigned_32(value.items().at(1)));
        } else if (name == "kind_interval_ms") {
            for (const auto &[kind, interval] : value.members()) {
                int i = 0;
                while (i < 3 && kind != kinds_of_requests[i])
                    i++;
                guard.set_interval(static_cast<locksync::request_kind>(i), locksync::milliseconds(interval.number()));
            }
        } else {
            unknown(name);
        }
    }
}

locksync::context keyed()
{
    locksync::settings s;

    s.credential = locksync::personal_key("demo-key");
    return locksync::context(s);
}

// --- the files ---

json decode(const json &one, const char *body)
{
    const std::string what = one["what"].text();
    locksync::context context = keyed();
    locksync::response response = context.make_response();

    response.set_status(one.has("status") ? static_cast<int>(one["status"].number()) : 200);
    for (const auto &[name, value] : one["headers"].members())
        response.add_header(name, value.text());
    response.append_body(one[body].text());
    if (what == "directory")
        return outcome(context.try_decode_directory(
            context.build_directory(one.has("page") ? unsigned_32(one["page"]) : 1), response));
    if (what == "one")
        return outcome(context.try_decode(context.build_one(numbers(one["ids"]).at(0)), response));
    if (what == "results")
        return outcome(context.try_decode(
            with_ids(one["ids"], [&](locksync::ids which) { return context.build(which); }), response));
    unknown(what);
}

json decode_changes(const json &one)
{
    const auto decoded_body = [&](const char *body) {
        return with_ids(one["ids"], [&](locksync::ids which) { return decoded(one[body].text(), which); });
    };
    json all = succeeded();

    all.set("changes", json::list(locksync::diff(decoded_body("before"), decoded_body("after")), whole_change));
    return all;
}

json apply(const json &one)
{
    const std::string what = one["what"].text();
    const json wanted = one["set"];
    locksync::context context = keyed();

    try {
        if (what == "settings") {
            return outcome(context.try_set(settings_of(wanted)));
        } else if (what == "guard") {
            locksync::guard guard;
            set_guard(guard, wanted);
        } else if (what == "watch") {
            locksync::watch watch(context);
            watch.set_interval(locksync::milliseconds(wanted["interval_ms"].number()));
        } else if (what == "ids") {
            (void)with_ids(wanted["ids"], [&](locksync::ids which) { return context.build(which); });
        } else if (what == "page") {
            (void)context.build_directory(unsigned_32(wanted["page"]));
        } else if (what == "serials") {
            (void)locksync::watch::by_serial(context, texts(wanted["serials"]));
        } else {
            unknown(what);
        }
        return succeeded();
    } catch (const locksync::error &why) {
        return failed(why);
    }
}

// The steps of one case, with blocking calls or in a pool.
class steps
{
public:
    steps(const json &one, bool in_pool) : service_(options(one)), in_pool_(in_pool)
    {
        locksync::settings s = settings_of(one["settings"]);

        set_guard(guard_, one["guard"]);
        s.base_url = service_.url();
        s.guard = guard_;
        context_.set(s);
    }

    void step(const json &one)
    {
        const std::string what = one["do"].text();

        if (what == "fetch")
            compare(with_ids(one["ids"], [&](locksync::ids which) { return fetch(which); }), one["expected"]);
        else if (what == "fetch_one")
            compare(fetch_one(one["id"].number()), one["expected"]);
        else if (what == "fetch_directory")
            compare(outcome(in_pool_ ? pool_.get(pool_.try_fetch_directory(context_)) : context_.try_fetch_directory()),
                    one["expected"]);
        else if (what == "watch")
            watch(one);
        else if (what == "next")
            compare(next(locksync::milliseconds(one["timeout_ms"].number())), one["expected"]);
        else if (what == "set")
            context_.set(settings_of(one["settings"]));
        else if (what == "fault")
            sim_fault(service_.get(), one["name"].text().c_str(), one.has("every") ? unsigned_32(one["every"]) : 1);
        else if (what == "account")
            change_account(one);
        else
            unknown(what);
    }

private:
    static std::vector<const char *> options(const json &one)
    {
        static std::vector<std::string> words;
        std::vector<const char *> all = {"--static", "--locks", "3"};

        words = texts(one["simulator"]);
        for (const std::string &word : words)
            all.push_back(word.c_str());
        return all;
    }

    json fetch(locksync::ids which)
    {
        return outcome(in_pool_ ? pool_.get(pool_.try_fetch(context_, which)) : context_.try_fetch(which));
    }

    json fetch_one(std::int64_t id)
    {
        const locksync::expected<locksync::lock> got = context_.try_fetch_one(id);

        if (!got)
            return failed(got.error());
        json all = succeeded();
        all.set("records", json::list(std::vector<locksync::lock>{*got}, record));
        all.set("ids", json::list(std::vector<std::int64_t>{got->id()}, id_of));
        all.set("missing", json::list(std::vector<std::int64_t>(), id_of));
        all.set("is_cached", json::of(false));
        return all;
    }

    void watch(const json &one)
    {
        if (one.has("serials"))
            watch_.emplace(locksync::watch::by_serial(context_, texts(one["serials"])));
        else
            with_ids(one["ids"], [&](locksync::ids which) { return watch_.emplace(context_, which).native(); });
        if (one.has("interval_ms"))
            watch_->set_interval(locksync::milliseconds(one["interval_ms"].number()));
        if (one["directory"].flag())
            watch_->follow_directory();
        if (in_pool_)
            pool_.run_watch(*watch_, [this](const locksync::expected<locksync::changes_view> &got) {
                reported_.push_back(outcome_of_watch(got, *watch_));
            });
    }

    json next(locksync::milliseconds timeout)
    {
        if (!in_pool_)
            return outcome_of_watch(watch_->try_next(timeout), *watch_);
        const auto end = std::chrono::steady_clock::now() + std::max<locksync::milliseconds>(timeout, 1s);
        while (reported_.empty() && std::chrono::steady_clock::now() < end)
            pool_.wait(10ms);
        if (reported_.empty())
            return outcome_of_watch(locksync::expected<locksync::changes_view>(locksync::error(status::timeout)),
                                    *watch_);
        const json first = reported_.front();
        reported_.pop_front();
        return first;
    }

    void change_account(const json &one)
    {
        const std::string what = one["change"].text();
        const std::string name = one.has("name") ? one["name"].text() : "";
        const char *const given = one.has("name") ? name.c_str() : nullptr;

        if (what == "add")
            (void)sim_add_lock(service_.get(), given);
        else if (what == "re-add")
            (void)sim_re_add_lock(service_.get(), one["id"].number());
        else if (what == "remove")
            sim_remove_lock(service_.get(), one["id"].number());
        else if (what == "rename")
            sim_rename_lock(service_.get(), one["id"].number(), given);
        else
            unknown(what);
    }

    const simulator service_;
    const bool in_pool_;
    locksync::guard guard_;
    locksync::context context_;
    locksync::pool pool_;
    std::deque<json> reported_;
    std::optional<locksync::watch> watch_;
};

bool sets_after_watch(const json &one)
{
    bool watches = false;

    for (const json &step : one["steps"].items()) {
        watches = watches || step["do"].text() == "watch";
        if (watches && step["do"].text() == "set")
            return true;
    }
    return false;
}

} // namespace

CPP_TEST(bodies_are_decoded_as_the_cases_say)
{
    for (const json &one : cases("bodies.json").items()) {
        t_row("%s", one["name"].text().c_str());
        compare(one["what"].text() == "changes" ? decode_changes(one) : decode(one, "body"), one["expected"]);
    }
}

CPP_TEST(settings_are_accepted_as_the_cases_say)
{
    for (const json &one : cases("settings.json").items()) {
        t_row("%s", one["name"].text().c_str());
        compare(apply(one), one["expected"]);
    }
}

CPP_TEST(fetches_end_as_the_cases_say)
{
    for (const json &one : cases("fetches.json").items())
        for (const bool in_pool : {false, true}) {
            if (in_pool && sets_after_watch(one))
                continue;
            t_row("%s%s", one["name"].text().c_str(), in_pool ? ", in a pool" : "");
            steps all(one, in_pool);
            for (const json &step : one["steps"].items())
                all.step(step);
        }
}
