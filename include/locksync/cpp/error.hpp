/**
 * @file
 * Failures: the exception, and `expected` for programs that want none.
 *
 * Each function that may fail has two forms. `fetch()` throws an error; `try_fetch()` returns it in an expected. The
 * second form throws only std::bad_alloc.
 */
#ifndef LOCKSYNC_CPP_ERROR_HPP
#define LOCKSYNC_CPP_ERROR_HPP

#include "values.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <variant>
#include <vector>

namespace locksync
{

/** The detail of a failure, from the service's response and the library. A value that does not apply is absent. */
struct error_details {
    std::optional<int> http_status{};
    std::optional<milliseconds> retry_after{};
    std::optional<std::string> correlation_id{};
    std::vector<std::string> api_messages{};
    std::optional<std::int64_t> byte_offset{};
    std::exception_ptr cause{};
};

/** Why a call failed. what() has the cause for people, without a credential. A callback throws one to choose a
 *  status. */
class error : public std::runtime_error
{
public:
    /** Makes an error with the status's own message. */
    explicit error(locksync::status status) : error(status, std::string(message(status))) {}
    error(locksync::status status, const std::string &text, error_details more = {})
        : std::runtime_error(text), status_(status), more_(std::make_shared<const error_details>(std::move(more)))
    {
    }

    locksync::status status() const noexcept { return status_; }

    /** Returns whether the same call may succeed later without a change by the caller. */
    bool is_retryable() const noexcept { return locksync::is_retryable(status_); }

    /** Returns the HTTP status, if a complete response arrived. */
    std::optional<int> http_status() const noexcept { return more_->http_status; }

    /** Returns the wait before a retry: until the guard allows a request, or the service's Retry-After. */
    std::optional<milliseconds> retry_after() const noexcept { return more_->retry_after; }

    /** Returns the response's X-Correlation-ID, for which the service's support asks. */
    const std::optional<std::string> &correlation_id() const noexcept { return more_->correlation_id; }

    /** Returns the service's `errorMessages`. They may contain control characters. */
    const std::vector<std::string> &api_messages() const noexcept { return more_->api_messages; }

    /** Returns where parsing stopped, in bytes from the start of the body; see lock_sync_error_byte_offset(). */
    std::optional<std::int64_t> byte_offset() const noexcept { return more_->byte_offset; }

    /** Returns the exception of the token provider or transport that made the call fail, or nullptr. */
    std::exception_ptr cause() const noexcept { return more_->cause; }

private:
    locksync::status status_;
    std::shared_ptr<const error_details> more_; // shared, so that copying an exception cannot throw
};

/** A value, or the error in its place. As std::expected of C++23, but the same type in each version of C++. */
template <class T> class [[nodiscard]] expected
{
public:
    using value_type = T;

    expected(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    expected(locksync::error why) : held_(std::in_place_index<1>, std::move(why)) {}

    bool has_value() const noexcept { return held_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /** Returns the value, or throws the error. */
    T &value() &
    {
        require();
        return *std::get_if<0>(&held_);
    }
    const T &value() const &
    {
        require();
        return *std::get_if<0>(&held_);
    }
    T value() &&
    {
        require();
        return std::move(*std::get_if<0>(&held_));
    }
    T &operator*() & { return value(); }
    const T &operator*() const & { return value(); }
    T operator*() && { return std::move(*this).value(); }
    T *operator->() { return &value(); }
    const T *operator->() const { return &value(); }

    /** Returns the error. Throws std::bad_variant_access if there is a value. */
    const locksync::error &error() const { return std::get<1>(held_); }

    /** Returns status::ok if there is a value, otherwise the error's status. */
    locksync::status status() const noexcept
    {
        const locksync::error *why = std::get_if<1>(&held_);
        return why != nullptr ? why->status() : locksync::status::ok;
    }

private:
    void require() const
    {
        if (const locksync::error *why = std::get_if<1>(&held_))
            throw *why;
    }

    std::variant<T, locksync::error> held_;
};

/** Success, or the error in its place. */
template <> class [[nodiscard]] expected<void>
{
public:
    using value_type = void;

    expected() noexcept = default;
    expected(locksync::error why) : why_(std::move(why)) {}

    bool has_value() const noexcept { return !why_; }
    explicit operator bool() const noexcept { return has_value(); }

    /** Throws the error if there is one. */
    void value() const
    {
        if (why_)
            throw *why_;
    }

    /** Returns the error. Throws std::bad_optional_access after a success. */
    const locksync::error &error() const { return why_.value(); }

    locksync::status status() const noexcept { return why_ ? why_->status() : locksync::status::ok; }

private:
    std::optional<locksync::error> why_;
};

namespace detail
{

/** Copies the detail of a context's last call, which ended with `status`. */
inline error last_error(const lock_sync_ctx *ctx, lock_sync_status status, std::exception_ptr cause = nullptr)
{
    const lock_sync_error *last = lock_sync_last_error(ctx);
    error_details more;
    more.cause = std::move(cause);
    if (lock_sync_error_status(last) != status) // LOCK_SYNC_E_BUSY leaves the detail of another call
        return error(static_cast<locksync::status>(status), lock_sync_status_message(status), std::move(more));
    if (const std::int32_t http_status = lock_sync_error_http_status(last); http_status != 0)
        more.http_status = http_status;
    if (const std::int64_t ms = lock_sync_error_retry_after_ms(last); ms >= 0)
        more.retry_after = milliseconds(ms);
    if (const std::int64_t offset = lock_sync_error_byte_offset(last); offset >= 0)
        more.byte_offset = offset;
    more.correlation_id = to_optional(lock_sync_error_correlation_id(last));
    for (std::size_t i = 0; i < lock_sync_error_api_message_count(last); i++)
        more.api_messages.emplace_back(lock_sync_error_api_message_at(last, i));
    return error(static_cast<locksync::status>(status), lock_sync_error_message(last), std::move(more));
}

/** Returns the error of a function that has no context. The status says it all. */
inline expected<void> checked(lock_sync_status status)
{
    if (status != LOCK_SYNC_OK)
        return error(static_cast<locksync::status>(status));
    return {};
}

inline error has_nul()
{
    return error(status::invalid_argument, "a string contains a NUL");
}

/** Rejects an empty list, which must not reach C, where no list means all locks. */
inline expected<void> checked(const ids &which)
{
    if (!which.is_all() && which.size() == 0)
        return error(status::invalid_argument, "the list of ids is empty; pass locksync::all_locks for all locks");
    return {};
}

/** Calls a function of the application from C. Returns `otherwise` if it throws, or the status of an error. */
template <class Function>
lock_sync_status guarded(std::exception_ptr &thrown, lock_sync_status otherwise, Function function) noexcept
{
    try {
        function();
        return LOCK_SYNC_OK;
    } catch (const error &why) {
        thrown = std::current_exception();
        return why.status() != status::ok ? to_c(why.status()) : otherwise;
    } catch (...) {
        thrown = std::current_exception();
        return otherwise;
    }
}

} // namespace detail

} // namespace locksync

#endif
