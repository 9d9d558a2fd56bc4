/**
 * @file
 * A context of C with the callbacks that it calls. Part of the implementation.
 */
#ifndef LOCKSYNC_CPP_STATE_HPP
#define LOCKSYNC_CPP_STATE_HPP

#include "records.hpp"
#include "settings.hpp"

#include <memory>
#include <mutex>
#include <optional>

#if defined(__has_include) && __has_include(<version>)
#  include <version>
#endif
#ifdef __cpp_lib_jthread
#  include <stop_token>
#endif

namespace locksync
{
namespace detail
{

/** Owned by a context and its watches. Does not move, because C keeps its address. */
class context_state
{
public:
    context_state() = default;
    context_state(const context_state &) = delete;
    context_state &operator=(const context_state &) = delete;
    ~context_state() { lock_sync_ctx_free(ctx); }

    /** Returns what a call has made, or its error. */
    template <class Owner> expected<Owner> received(lock_sync_status status, typename Owner::object *made)
    {
        if (status == LOCK_SYNC_OK) {
            failure = nullptr;
            return Owner(made);
        }
        return failed(status);
    }
    error failed(lock_sync_status status)
    {
        // the exception belongs to a fetch that runs, if the context is busy with it
        return last_error(ctx, status, status != LOCK_SYNC_E_BUSY ? std::exchange(failure, nullptr) : nullptr);
    }

    expected<void> apply(const settings &wanted);

    /** Sets or clears one of several stops. The context is stopped while one is set. Any thread. */
    void stop(bool &one, bool is_set) noexcept
    {
        const std::lock_guard<std::mutex> only(stops);
        if (one == is_set)
            return;
        one = is_set;
        stops_set += is_set ? 1 : -1;
        (void)lock_sync_set_stopped(ctx, stops_set > 0);
    }

    lock_sync_ctx *ctx = nullptr;
    std::exception_ptr failure; // what a token provider or transport threw in the call that runs
    logger log;
    locksync::token_provider provider;
    bool is_stopped = false; // by the application

private:
    static context_state &of(void *user) noexcept { return *static_cast<context_state *>(user); }

    static void on_log(void *user, lock_sync_log_level level, const char *line) noexcept
    {
        std::exception_ptr dropped;
        (void)guarded(dropped, LOCK_SYNC_OK, [&] { of(user).log(static_cast<log_level>(level), line); });
    }
    static lock_sync_status on_token(void *user, lock_sync_ctx *ctx, bool rejected) noexcept
    {
        of(user).failure = nullptr; // of an earlier poll, whose error was not reported
        lock_sync_status status = LOCK_SYNC_OK;
        const lock_sync_status thrown = guarded(of(user).failure, LOCK_SYNC_E_NO_CREDENTIAL, [&] {
            const credential provided = of(user).provider(rejected);
            if (!provided.is_whole())
                throw has_nul();
            status = provided.set_on(ctx);
        });
        return thrown != LOCK_SYNC_OK ? thrown : status;
    }

    /** Owned by the context of C until it calls on_destroy(). */
    struct transport_user {
        std::shared_ptr<locksync::transport> transport;
        context_state *state;

        static lock_sync_status on_perform(void *user, const lock_sync_request *request,
                                           lock_sync_response *response) noexcept
        {
            const transport_user &self = *static_cast<transport_user *>(user);
            self.state->failure = nullptr;
            return guarded(self.state->failure, LOCK_SYNC_E_NETWORK, [&] {
                response_view filled(response);
                self.transport->perform(request_view(request), filled);
            });
        }
        static void on_cancel(void *user) noexcept { static_cast<transport_user *>(user)->transport->cancel(); }
        static void on_destroy(void *user) noexcept { delete static_cast<transport_user *>(user); }
    };
    lock_sync_status set_transport(const std::shared_ptr<locksync::transport> &transport)
    {
        if (transport == nullptr)
            return lock_sync_set_transport(ctx, nullptr);
        auto user = std::make_unique<transport_user>(transport_user{transport, this});
        lock_sync_transport functions{};
        functions.struct_size = sizeof functions;
        functions.user = user.get();
        functions.perform = transport_user::on_perform;
        functions.cancel = transport_user::on_cancel;
        functions.destroy = transport_user::on_destroy;
        const lock_sync_status status = lock_sync_set_transport(ctx, &functions);
        if (status == LOCK_SYNC_OK)
            (void)user.release();
        return status;
    }
    lock_sync_status set_logger(const logger &wanted)
    {
        const lock_sync_status status = lock_sync_set_logger(ctx, wanted ? on_log : nullptr, this);
        if (status == LOCK_SYNC_OK)
            log = wanted;
        return status;
    }
    lock_sync_status set_provider(const locksync::token_provider &wanted)
    {
        const lock_sync_status status = lock_sync_set_token_provider(ctx, wanted ? on_token : nullptr, this);
        if (status == LOCK_SYNC_OK)
            provider = wanted;
        return status;
    }

    std::mutex stops;
    int stops_set = 0;
};

/** Applies settings in the order of their members, until one is rejected. */
inline expected<void> context_state::apply(const settings &wanted)
{
    lock_sync_status status = LOCK_SYNC_OK;
    bool is_whole = true;
    const auto good = [&] { return status == LOCK_SYNC_OK && is_whole; };
    const auto set = [&](const auto &value, auto setter) {
        if (good() && value)
            status = setter(*value);
    };
    const auto set_text = [&](const std::optional<text> &value, auto setter) {
        is_whole = is_whole && (!value || value->is_whole());
        set(value, [&](const text &t) { return setter(ctx, t.c_str()); });
    };
    const auto set_number = [&](const auto &value, auto setter) {
        set(value, [&](auto number) { return setter(ctx, number); });
    };
    const auto set_time = [&](const std::optional<milliseconds> &value, auto setter) {
        set(value, [&](milliseconds time) { return setter(ctx, time.count()); });
    };

    is_whole = !wanted.credential || wanted.credential->is_whole();
    set(wanted.credential, [&](const credential &c) { return c.set_on(ctx); });
    set_text(wanted.base_url, lock_sync_set_base_url);
    set_text(wanted.api_version, lock_sync_set_api_version);
    set_time(wanted.connect_timeout, lock_sync_set_connect_timeout_ms);
    set_time(wanted.timeout, lock_sync_set_timeout_ms);
    set_time(wanted.max_idle, lock_sync_set_max_idle_ms);
    set_number(wanted.max_response_bytes, lock_sync_set_max_response_bytes);
    set_number(wanted.allow_http, lock_sync_set_allow_http);
    set_text(wanted.ca_file, lock_sync_set_ca_file);
    set_text(wanted.proxy, lock_sync_set_proxy);
    set_text(wanted.user_agent, lock_sync_set_user_agent);
    set(wanted.log, [&](const logger &l) { return set_logger(l); });
    set(wanted.token_provider, [&](const auto &p) { return set_provider(p); });
    set(wanted.transport, [&](const auto &t) { return set_transport(t); });
    set(wanted.guard, [&](const locksync::guard &g) { return lock_sync_set_guard(ctx, g.native()); });
    set(wanted.guard_mode, [&](auto mode) { return lock_sync_set_guard_mode(ctx, static_cast<std::int32_t>(mode)); });
    if (!is_whole)
        return has_nul();
    if (status != LOCK_SYNC_OK)
        return failed(status);
    return {};
}

/** Stops a pool's fetch. It has no type, so that it is the same in each standard. It begins when the pool has the
 *  fetch: a call that is refused must not end the fetch that runs. */
struct stop_of_fetch {
    std::shared_ptr<void> held;
    void (*begin)(void *held) = nullptr;
};

#ifdef __cpp_lib_jthread
/** Stops a context from a request to stop until the end of the scope. */
class stop_scope
{
public:
    stop_scope(context_state &state, std::stop_token token) : state_(state), callback_(std::move(token), stopper{*this})
    {
    }
    stop_scope(const stop_scope &) = delete;
    stop_scope &operator=(const stop_scope &) = delete;

private:
    struct stopper {
        stop_scope &scope;
        void operator()() const noexcept { scope.state_.stop(scope.is_set_, true); }
    };

    /** Clears the stop, after the callback below has been destroyed, which waits until it has returned. */
    struct clearer {
        stop_scope &scope;
        ~clearer() { scope.state_.stop(scope.is_set_, false); }
    };

    context_state &state_;
    bool is_set_ = false;
    clearer clearer_{*this};
    std::stop_callback<stopper> callback_;
};

/** A stop_scope that begins later. */
class later_stop
{
public:
    later_stop(context_state &state, std::stop_token token) : state_(state), token_(std::move(token)) {}
    static void begin(void *held)
    {
        later_stop &stop = *static_cast<later_stop *>(held);
        stop.scope_.emplace(stop.state_, std::move(stop.token_));
    }

private:
    context_state &state_;
    std::stop_token token_;
    std::optional<stop_scope> scope_;
};
#endif

} // namespace detail
} // namespace locksync

#endif
