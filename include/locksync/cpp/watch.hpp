/**
 * @file
 * The watch: polls, and reports changes instead of states.
 */
#ifndef LOCKSYNC_CPP_WATCH_HPP
#define LOCKSYNC_CPP_WATCH_HPP

#include "context.hpp"

namespace locksync
{

/**
 * Polls the locks of a context, and reports what has changed. Used by the context's thread.
 *
 * It is a range of changes: `for (const changes &batch : watch)`. The first batch adds every lock. The loop waits for
 * each batch, and ends when the context is cancelled or stopped. An error that is not retryable is thrown.
 *
 * A logger, token provider, transport or store of its context must not destroy it.
 */
class watch
{
    struct state;

public:
    /** One loop over the changes. It reads from its watch, so there is one loop at a time. */
    class iterator
    {
    public:
        using value_type = changes;
        using reference = const changes &;
        using pointer = const changes *;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        iterator() noexcept = default;

        reference operator*() const noexcept { return of_->current; }
        pointer operator->() const noexcept { return &of_->current; }
        iterator &operator++()
        {
            expected<changes> next = of_->next(-1);
            if (next)
                of_->current = std::move(next).value();
            else if (next.status() == status::cancelled)
                of_ = nullptr;
            else
                throw next.error();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.of_ == b.of_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return a.of_ != b.of_; }

    private:
        friend watch;
        explicit iterator(state *of) : of_(of) { ++*this; }

        state *of_ = nullptr; // nullptr: the end
    };

    /** Makes a watch of locks by id. Nothing is fetched yet. */
    explicit watch(context &of, ids which = all_locks) : watch(try_make(of, which).value()) {}
    static expected<watch> try_make(context &of, ids which = all_locks)
    {
        if (const auto good = detail::checked(which); !good)
            return good.error();
        return made(of, lock_sync_watch_new, which.data(), which.size());
    }

    /** Makes a watch of locks by serial number, which follows the directory. An empty list is rejected. */
    static watch by_serial(context &of, const std::vector<std::string> &serial_numbers)
    {
        return try_by_serial(of, serial_numbers).value();
    }
    static expected<watch> try_by_serial(context &of, const std::vector<std::string> &serial_numbers)
    {
        if (serial_numbers.empty())
            return error(status::invalid_argument, "the list of serial numbers is empty");
        std::vector<const char *> list;
        for (const std::string &serial_number : serial_numbers) {
            if (serial_number.find('\0') != std::string::npos)
                return detail::has_nul();
            list.push_back(serial_number.c_str());
        }
        return made(of, lock_sync_watch_new_by_serial, list.data(), list.size());
    }

    /** Sets the interval from the end of one poll to the next. */
    void set_interval(milliseconds interval) { try_set_interval(interval).value(); }
    expected<void> try_set_interval(milliseconds interval)
    {
        return detail::checked(lock_sync_watch_set_interval_ms(native(), interval.count()));
    }

    /** Sets whether changes have names and serial numbers; see lock_sync_watch_set_directory(). */
    void follow_directory(bool follow = true) { try_follow_directory(follow).value(); }
    expected<void> try_follow_directory(bool follow = true)
    {
        return detail::checked(lock_sync_watch_set_directory(native(), follow));
    }

    /** Begins with a directory, such as one that an earlier run has stored. It is taken only on success. */
    void use_directory(locksync::directory &&stored) { try_use_directory(std::move(stored)).value(); }
    expected<void> try_use_directory(locksync::directory &&stored)
    {
        const auto object = const_cast<lock_sync_directory *>(stored.native());
        const lock_sync_status status = lock_sync_watch_use_directory(native(), object);
        if (status == LOCK_SYNC_OK)
            (void)stored.release();
        return detail::checked(status);
    }

    /** Waits for the next changes. Retryable errors are not reported: see last_status() and age(). */
    changes next() { return try_next().value(); }
    expected<changes> try_next() { return state_->next(-1); }

    /** Waits at most so long. No change in time is std::nullopt; with try_next() it is status::timeout. */
    [[nodiscard]] std::optional<changes> next(milliseconds timeout)
    {
        expected<changes> next = try_next(timeout);
        if (next.status() == status::timeout)
            return std::nullopt;
        return std::move(next).value();
    }
    expected<changes> try_next(milliseconds timeout)
    {
        // a negative time would be no limit
        return state_->next(timeout.count() > 0 ? timeout.count() : 0);
    }

    /** Begins a loop: waits for the first changes. */
    iterator begin() { return iterator(state_.get()); }
    iterator end() noexcept { return {}; }

#ifdef __cpp_lib_jthread
    /** Does the same as next(), until a stop is requested: then it fails with status::cancelled. */
    changes next(std::stop_token token)
    {
        return try_next(std::move(token)).value();
    }
    expected<changes> try_next(std::stop_token token)
    {
        const detail::stop_scope scope(*state_->context, std::move(token));
        return try_next();
    }

    /** A loop that ends when a stop is requested. */
    class stoppable
    {
    public:
        iterator begin() { return watch_.begin(); }
        iterator end() noexcept { return watch_.end(); }

    private:
        friend watch;
        stoppable(watch &of, std::stop_token token) : scope_(*of.state_->context, std::move(token)), watch_(of) {}

        detail::stop_scope scope_;
        watch &watch_;
    };

    /** Returns a range for a loop: `for (const changes &batch : watch.until(token))`. */
    stoppable until(std::stop_token token) &
    {
        return {*this, std::move(token)};
    }
#endif

    /** Returns how the last poll ended, also if its error was not reported. */
    status last_status() const noexcept
    {
        return static_cast<status>(lock_sync_watch_last_status(native()));
    }

    /** Returns the records of the last good poll, borrowed until the next poll. Empty before the first. */
    results_view results() const noexcept
    {
        return results_view(lock_sync_watch_results(native()));
    }

    /** Returns the last directory, borrowed as results(). */
    directory_view directory() const noexcept
    {
        return directory_view(lock_sync_watch_directory(native()));
    }

    /** Returns the age of the last good response. Check it before you act on a state. */
    std::optional<milliseconds> age() const noexcept
    {
        const std::int64_t ms = lock_sync_watch_age_ms(native());
        return ms >= 0 ? std::optional(milliseconds(ms)) : std::nullopt;
    }

    /** Returns the time until the next poll. */
    milliseconds due_in() const noexcept
    {
        return milliseconds(lock_sync_watch_due_in_ms(native()));
    }

    /** Returns the watch for a function of C, borrowed. */
    lock_sync_watch *native() const noexcept
    {
        return state_->watch;
    }

private:
    friend class pool;

    struct state {
        explicit state(std::shared_ptr<detail::context_state> of) noexcept : context(std::move(of)) {}
        state(const state &) = delete;
        state &operator=(const state &) = delete;
        ~state() { lock_sync_watch_free(watch); }

        expected<changes> next(std::int64_t timeout_ms)
        {
            lock_sync_changes *made = nullptr;
            const lock_sync_status status = lock_sync_watch_next(watch, timeout_ms, &made);
            return context->received<changes>(status, made);
        }

        std::shared_ptr<detail::context_state> context; // it must outlive the watch
        lock_sync_watch *watch = nullptr;
        changes current;
        std::shared_ptr<void> callback; // in a pool
    };

    template <class Function, class... Arguments>
    static expected<watch> made(context &of, Function function, Arguments... arguments)
    {
        watch made(std::make_unique<state>(of.state_));
        if (const lock_sync_status status = function(of.native(), arguments..., &made.state_->watch);
            status != LOCK_SYNC_OK)
            return of.state_->failed(status);
        return made;
    }
    explicit watch(std::unique_ptr<state> of) noexcept : state_(std::move(of)) {}

    std::unique_ptr<state> state_;
};

} // namespace locksync

#endif
