/**
 * @file
 * The context: settings, credential and connection for one account. Fetches, builds requests and decodes responses.
 */
#ifndef LOCKSYNC_CPP_CONTEXT_HPP
#define LOCKSYNC_CPP_CONTEXT_HPP

#include "state.hpp"

namespace locksync
{

/**
 * Fetches the locks of one account. One thread at a time uses it, except cancel() and set_stopped().
 *
 * After a move the other context may only be assigned to or destroyed. Its watches keep what they need of it.
 * Its logger, token provider, transport and guard's store must not destroy it, or a watch of it.
 */
class context
{
public:
    /** Makes a context. Nothing is connected before the first fetch. */
    explicit context(const settings &initial = {}) : context(try_make(initial).value()) {}
    context(context &&) noexcept = default; // so it does not copy
    context &operator=(context &&) noexcept = default;
    static expected<context> try_make(const settings &initial = {})
    {
        context made(std::make_shared<detail::context_state>());
        if (const lock_sync_status status = lock_sync_ctx_new(&made.state_->ctx); status != LOCK_SYNC_OK)
            return error(static_cast<locksync::status>(status));
        if (expected<void> applied = made.try_set(initial); !applied)
            return applied.error();
        return made;
    }

    /** Changes settings, in the order of the members. Those before a rejected one have been changed. */
    void set(const settings &changed) { try_set(changed).value(); }
    expected<void> try_set(const settings &changed) { return state_->apply(changed); }

    /** Fetches the state of locks with one request, and waits for the response; see lock_sync_fetch(). */
    results fetch(ids which = all_locks) { return try_fetch(which).value(); }
    expected<results> try_fetch(ids which = all_locks) { return get<results>(which, lock_sync_fetch); }

    /** Fetches the state of one lock from the service's endpoint for one lock. */
    lock fetch_one(std::int64_t id) { return try_fetch_one(id).value(); }
    expected<lock> try_fetch_one(std::int64_t id)
    {
        const expected<results> one = get<results>(lock_sync_fetch_one, id);
        if (!one)
            return one.error();
        return (*one)[0];
    }

    /** Fetches names and serial numbers; see lock_sync_fetch_directory(). */
    directory fetch_directory() { return try_fetch_directory().value(); }
    expected<directory> try_fetch_directory() { return get<directory>(lock_sync_fetch_directory); }

#ifdef __cpp_lib_jthread
    /** Does the same. A request to stop ends the fetch with status::cancelled, also if it was made before. It stops the
     *  context: a fetch of it that a pool runs meanwhile ends too. */
    results fetch(ids which, std::stop_token token)
    {
        return try_fetch(which, std::move(token)).value();
    }
    expected<results> try_fetch(ids which, std::stop_token token)
    {
        const detail::stop_scope scope(*state_, std::move(token));
        return try_fetch(which);
    }
    lock fetch_one(std::int64_t id, std::stop_token token)
    {
        return try_fetch_one(id, std::move(token)).value();
    }
    expected<lock> try_fetch_one(std::int64_t id, std::stop_token token)
    {
        const detail::stop_scope scope(*state_, std::move(token));
        return try_fetch_one(id);
    }
    directory fetch_directory(std::stop_token token)
    {
        return try_fetch_directory(std::move(token)).value();
    }
    expected<directory> try_fetch_directory(std::stop_token token)
    {
        const detail::stop_scope scope(*state_, std::move(token));
        return try_fetch_directory();
    }
#endif

    /** Ends what runs now with status::cancelled. Any thread; not in a signal handler. */
    void cancel() noexcept
    {
        lock_sync_cancel(state_->ctx);
    }

    /** Stops the context: until it is cleared, each fetch and each wait ends with status::cancelled. Any thread. */
    void set_stopped(bool stopped) noexcept
    {
        state_->stop(state_->is_stopped, stopped);
    }

    /** Builds the request that fetch() would send. It may outlive the context. Reserve a slot of the guard for it. */
    request build(ids which = all_locks)
    {
        return try_build(which).value();
    }
    expected<request> try_build(ids which = all_locks)
    {
        return get<request>(which, lock_sync_request_build);
    }

    /** Builds the request that fetch_one() would send. */
    request build_one(std::int64_t id)
    {
        return try_build_one(id).value();
    }
    expected<request> try_build_one(std::int64_t id)
    {
        return get<request>(lock_sync_request_build_one, id);
    }

    /** Builds the request for one page of the directory, from 1. See directory::has_more(). */
    request build_directory(std::uint32_t page = 1)
    {
        return try_build_directory(page).value();
    }
    expected<request> try_build_directory(std::uint32_t page = 1)
    {
        return get<request>(lock_sync_request_build_directory, page);
    }

    /** Makes an empty response, with the context's limit on the body. */
    response make_response()
    {
        return try_make_response().value();
    }
    expected<response> try_make_response()
    {
        return get<response>(lock_sync_response_new);
    }

    /** Decodes the response to build() or build_one(). */
    results decode(const request_view &sent, const response_view &received)
    {
        return try_decode(sent, received).value();
    }
    expected<results> try_decode(const request_view &sent, const response_view &received)
    {
        return get<results>(lock_sync_response_decode, sent.native(), received.native());
    }

    /** Decodes the response to build_directory(). */
    directory decode_directory(const request_view &sent, const response_view &received)
    {
        return try_decode_directory(sent, received).value();
    }
    expected<directory> try_decode_directory(const request_view &sent, const response_view &received)
    {
        return get<directory>(lock_sync_response_decode_directory, sent.native(), received.native());
    }

    /** Returns the context for a function of C, borrowed. */
    lock_sync_ctx *native() const noexcept
    {
        return state_->ctx;
    }

private:
    friend class watch;
    friend class pool;

    explicit context(std::shared_ptr<detail::context_state> state) noexcept : state_(std::move(state)) {}

    template <class Owner, class Function> expected<Owner> get(const ids &which, Function function)
    {
        if (const auto good = detail::checked(which); !good)
            return good.error();
        return get<Owner>(function, which.data(), which.size());
    }

    /** Calls a function of C that makes an Owner. */
    template <class Owner, class Function, class... Arguments>
    expected<Owner> get(Function function, Arguments... arguments)
    {
        typename Owner::object *made = nullptr;
        const lock_sync_status status = function(state_->ctx, arguments..., &made);
        return state_->received<Owner>(status, made);
    }

    std::shared_ptr<detail::context_state> state_;
};

} // namespace locksync

#endif
