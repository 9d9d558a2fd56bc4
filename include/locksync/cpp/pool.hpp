/**
 * @file
 * The pool: runs the fetches of many contexts at once, in one thread, with callbacks, futures or coroutines.
 */
#ifndef LOCKSYNC_CPP_POOL_HPP
#define LOCKSYNC_CPP_POOL_HPP

#include "watch.hpp"

#include <deque>
#include <future>

#ifdef __cpp_lib_coroutine
#  include <coroutine>
#endif

namespace locksync
{
namespace detail
{

/** Exceptions of a pool's callbacks, until a function of the pool throws them. Outlives the pool in its callbacks. */
class thrown_by_callbacks
{
public:
    void keep(std::exception_ptr thrown) { kept_.push_back(std::move(thrown)); }
    void rethrow()
    {
        if (kept_.empty())
            return;
        const std::exception_ptr first = std::move(kept_.front());
        kept_.pop_front();
        std::rethrow_exception(first);
    }

private:
    std::deque<std::exception_ptr> kept_;
};

} // namespace detail

/**
 * Runs the fetches and watches of many contexts. Used by one thread at a time, which calls wait(), run() or dispatch().
 *
 * Callbacks, futures and coroutines continue inside these functions. An exception of a callback is thrown by the
 * function that called it, once C has returned. Further ones follow with the next call. The forms with `try_` keep
 * them. A callback of a pool may destroy contexts, watches and, except in run() and get(), the pool. A logger, token
 * provider, transport or store must not destroy the context that calls it, or a watch of it.
 */
class pool
{
public:
    /** Makes a pool. */
    pool() : pool(try_make().value()) {}
    static expected<pool> try_make()
    {
        pool made(std::make_shared<detail::thrown_by_callbacks>());
        lock_sync_pool *out = nullptr;
        const lock_sync_status status = lock_sync_pool_new(&out);
        made.pool_.reset(out);
        if (status != LOCK_SYNC_OK)
            return error(static_cast<locksync::status>(status));
        return made;
    }

    /** Sets the limits on open connections. */
    void set_max_connections(std::uint32_t per_origin, std::uint32_t total)
    {
        try_set_max_connections(per_origin, total).value();
    }
    expected<void> try_set_max_connections(std::uint32_t per_origin, std::uint32_t total)
    {
        return detail::checked(lock_sync_pool_set_max_connections(native(), per_origin, total));
    }

    /** Sets how many transfers run at once. */
    void set_max_active(std::uint32_t transfers) { try_set_max_active(transfers).value(); }
    expected<void> try_set_max_active(std::uint32_t transfers)
    {
        return detail::checked(lock_sync_pool_set_max_active(native(), transfers));
    }

    /**
     * Starts a fetch. `done(expected<results>)` is called once, unless this function fails.
     *
     * Until then the context is busy. It must use the built-in transport.
     */
    template <class Done> void submit(context &of, ids which, Done done)
    {
        try_submit(of, which, std::move(done)).value();
    }
    template <class Done> expected<void> try_submit(context &of, ids which, Done done)
    {
        return start<results>(*of.state_, which, std::move(done));
    }

    /** Starts to fetch the directory: `done(expected<directory>)`. */
    template <class Done> void submit_directory(context &of, Done done)
    {
        try_submit_directory(of, std::move(done)).value();
    }
    template <class Done> expected<void> try_submit_directory(context &of, Done done)
    {
        return start<directory>(*of.state_, all_locks, std::move(done));
    }

    /** Starts a fetch. Its future is ready only after wait(), run() or dispatch(): see get(). It has any failure. */
    [[nodiscard]] std::future<results> fetch(context &of, ids which = all_locks)
    {
        return promised<results, results>(of, which);
    }
    [[nodiscard]] std::future<expected<results>> try_fetch(context &of, ids which = all_locks)
    {
        return promised<results, expected<results>>(of, which);
    }
    [[nodiscard]] std::future<directory> fetch_directory(context &of)
    {
        return promised<directory, directory>(of, all_locks);
    }
    [[nodiscard]] std::future<expected<directory>> try_fetch_directory(context &of)
    {
        return promised<directory, expected<directory>>(of, all_locks);
    }

    /** Runs the pool until a future of it is ready, and returns its value. For the pool's thread. If a callback throws
     *  meanwhile, the future stays valid. */
    template <class T> T get(std::future<T> &&future)
    {
        while (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
            wait();
        return future.get();
    }

    /**
     * Runs a watch until it is destroyed. `changed(expected<changes_view>)` is called for changes, and for errors that
     * are not retryable. The view is borrowed for the call. The callback may destroy the watch.
     */
    template <class Changed> void run_watch(watch &of, Changed changed)
    {
        try_run_watch(of, std::move(changed)).value();
    }
    template <class Changed> expected<void> try_run_watch(watch &of, Changed changed)
    {
        using callback = watch_callback<Changed>;
        auto made = std::make_shared<callback>(of.state_->context.get(), thrown_, std::move(changed));
        const lock_sync_status status = lock_sync_pool_watch(native(), of.native(), callback::call, made.get());
        if (status != LOCK_SYNC_OK)
            return of.state_->context->failed(status);
        made->self = made;
        of.state_->callback = std::move(made);
        return {};
    }

#ifdef __cpp_lib_jthread
    /** Does the same. A request to stop ends the fetch with status::cancelled, from any thread. */
    [[nodiscard]] std::future<results> fetch(context &of, ids which, std::stop_token token)
    {
        return promised<results, results>(of, which, stopping(of, std::move(token)));
    }
    [[nodiscard]] std::future<expected<results>> try_fetch(context &of, ids which, std::stop_token token)
    {
        return promised<results, expected<results>>(of, which, stopping(of, std::move(token)));
    }
    [[nodiscard]] std::future<directory> fetch_directory(context &of, std::stop_token token)
    {
        return promised<directory, directory>(of, all_locks, stopping(of, std::move(token)));
    }
    [[nodiscard]] std::future<expected<directory>> try_fetch_directory(context &of, std::stop_token token)
    {
        return promised<directory, expected<directory>>(of, all_locks, stopping(of, std::move(token)));
    }
#endif

#ifdef __cpp_lib_coroutine
    /** A fetch that a coroutine awaits. If the coroutine is destroyed meanwhile, the fetch is cancelled. */
    template <class T, class Value> class awaitable
    {
    public:
        awaitable(const awaitable &) = delete;
        awaitable &operator=(const awaitable &) = delete;
        ~awaitable()
        {
            if (std::exchange(shared_->waiting, nullptr))
                lock_sync_cancel(of_.ctx);
        }

        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting)
        {
            const ids which = ids_ ? ids(*ids_) : ids(all_locks);
            const auto ended = [shared = shared_](expected<T> got) {
                shared->ended.emplace(std::move(got));
                if (const auto resumed = std::exchange(shared->waiting, nullptr))
                    resumed.resume();
            };
            if (const expected<void> started = pool_.template start<T>(of_, which, ended); started)
                shared_->waiting = waiting;
            else
                shared_->ended.emplace(started.error());
            return shared_->waiting != nullptr;
        }
        Value await_resume()
        {
            if constexpr (std::is_same_v<Value, T>)
                return std::move(*shared_->ended).value();
            else
                return std::move(*shared_->ended);
        }

    private:
        friend pool;
        struct fetch {
            std::coroutine_handle<> waiting;
            std::optional<expected<T>> ended;
        };
        awaitable(pool &in, context &of, ids which) : pool_(in), of_(*of.state_)
        {
            if (!which.is_all())
                ids_.emplace(which.data(), which.data() + which.size());
        }

        pool &pool_;
        detail::context_state &of_;                    // does not move; calls back before it is gone
        std::optional<std::vector<std::int64_t>> ids_; // absent: all locks
        std::shared_ptr<fetch> shared_ = std::make_shared<fetch>();
    };

    /** Fetches in a coroutine: `results r = co_await pool.async_fetch(context)`. The coroutine starts it. */
    [[nodiscard]] awaitable<results, results> async_fetch(context &of, ids which = all_locks)
    {
        return {*this, of, which};
    }
    [[nodiscard]] awaitable<results, expected<results>> try_async_fetch(context &of, ids which = all_locks)
    {
        return {*this, of, which};
    }
    [[nodiscard]] awaitable<directory, directory> async_fetch_directory(context &of)
    {
        return {*this, of, all_locks};
    }
    [[nodiscard]] awaitable<directory, expected<directory>> try_async_fetch_directory(context &of)
    {
        return {*this, of, all_locks};
    }
#endif

    /** Returns the descriptor for an event loop: call dispatch() when it is readable. -1: use wait(). */
    int fd() const noexcept
    {
        return lock_sync_pool_fd(native());
    }

    /** Does all work that is possible without blocking. */
    void dispatch()
    {
        drive(lock_sync_pool_dispatch);
    }
    expected<void> try_dispatch()
    {
        return detail::checked(lock_sync_pool_dispatch(native()));
    }

    /** Waits until there is work, then dispatches it. */
    void wait()
    {
        drive(lock_sync_pool_wait, -1);
    }
    expected<void> try_wait()
    {
        return detail::checked(lock_sync_pool_wait(native(), -1));
    }

    /** Waits at most so long. */
    void wait(milliseconds timeout)
    {
        drive(lock_sync_pool_wait, at_least_0(timeout));
    }
    expected<void> try_wait(milliseconds timeout)
    {
        return detail::checked(lock_sync_pool_wait(native(), at_least_0(timeout)));
    }

    /** Waits until no fetch and no watch is in the pool. */
    void run()
    {
        thrown_->rethrow();
        while (pending() > 0)
            wait();
    }

    /** Returns the number of fetches that have not ended, plus the number of watches. */
    std::size_t pending() const noexcept
    {
        return lock_sync_pool_pending(native());
    }

    /** Returns the pool for a function of C, borrowed. */
    lock_sync_pool *native() const noexcept
    {
        return pool_.get();
    }

private:
    struct release {
        void operator()(lock_sync_pool *pool) const noexcept { lock_sync_pool_free(pool); }
    };
    using thrown = std::shared_ptr<detail::thrown_by_callbacks>;

    /** One fetch, from its submission to its callback, which frees it. */
    template <class T, class Done> struct job {
        detail::context_state *of; // the pool calls back before it is gone
        thrown kept;
        Done done;
        std::shared_ptr<void> stop;

        static void ended(void *user, lock_sync_ctx *, lock_sync_status status, typename T::object *made) noexcept
        {
            const std::unique_ptr<job> self(static_cast<job *>(user));
            T owned(made);
            try {
                self->stop.reset();
                self->done(self->of->template received<T>(status, owned.release()));
            } catch (...) {
                self->kept->keep(std::current_exception());
            }
        }
    };

    template <class Changed> struct watch_callback {
        watch_callback(detail::context_state *of_, thrown kept_, Changed &&changed_)
            : of(of_), kept(std::move(kept_)), changed(std::move(changed_))
        {
        }

        detail::context_state *of;
        thrown kept;
        Changed changed;
        std::weak_ptr<watch_callback> self;

        static void call(void *user, lock_sync_watch *, lock_sync_status status,
                         const lock_sync_changes *borrowed) noexcept
        {
            const auto self = static_cast<watch_callback *>(user)->self.lock(); // it may destroy its watch
            try {
                if (status == LOCK_SYNC_OK)
                    self->changed(expected<changes_view>(changes_view(borrowed)));
                else
                    self->changed(expected<changes_view>(self->of->failed(status)));
            } catch (...) {
                self->kept->keep(std::current_exception());
            }
        }
    };

    explicit pool(thrown kept) noexcept : thrown_(std::move(kept)) {}

    template <class T, class Done>
    expected<void> start(detail::context_state &of, ids which, Done done, detail::stop_of_fetch stop = {})
    {
        if (const auto good = detail::checked(which); !good)
            return good.error();
        using one = job<T, Done>;
        auto made = std::make_unique<one>(one{&of, thrown_, std::move(done), stop.held});
        lock_sync_status status;
        if constexpr (std::is_same_v<T, directory>)
            status = lock_sync_pool_submit_directory(native(), of.ctx, one::ended, made.get());
        else
            status = lock_sync_pool_submit(native(), of.ctx, which.data(), which.size(), one::ended, made.get());
        if (status != LOCK_SYNC_OK)
            return of.failed(status);
        (void)made.release();
        if (stop.begin != nullptr)
            stop.begin(stop.held.get());
        return {};
    }

    template <class T, class Value>
    [[nodiscard]] std::future<Value> promised(context &of, ids which, detail::stop_of_fetch stop = {})
    {
        const auto promise = std::make_shared<std::promise<Value>>();
        const auto keep = [promise](expected<T> got) {
            if constexpr (!std::is_same_v<Value, T>)
                promise->set_value(std::move(got));
            else if (got)
                promise->set_value(std::move(got).value());
            else
                promise->set_exception(std::make_exception_ptr(got.error()));
        };
        if (const expected<void> started = start<T>(*of.state_, which, keep, std::move(stop)); !started)
            keep(started.error());
        return promise->get_future();
    }

#ifdef __cpp_lib_jthread
    static detail::stop_of_fetch stopping(context &of, std::stop_token token)
    {
        return {std::make_shared<detail::later_stop>(*of.state_, std::move(token)), detail::later_stop::begin};
    }
#endif

    static std::int64_t at_least_0(milliseconds time) noexcept
    {
        return time.count() > 0 ? time.count() : 0;
    }

    template <class Function, class... Arguments> void drive(Function function, Arguments... arguments)
    {
        const thrown kept = thrown_; // a callback may destroy this pool
        kept->rethrow();
        const lock_sync_status status = function(native(), arguments...);
        kept->rethrow();
        detail::checked(status).value();
    }

    thrown thrown_;
    std::unique_ptr<lock_sync_pool, release> pool_;
};

} // namespace locksync

#endif
