/**
 * @file
 * Requests and responses, for programs with their own HTTP client: as a transport, or without any I/O by the library.
 */
#ifndef LOCKSYNC_CPP_TRANSPORT_HPP
#define LOCKSYNC_CPP_TRANSPORT_HPP

#include "error.hpp"

namespace locksync
{

/** One HTTP request. Borrowed. Do not log its headers: they contain the credential. */
class request_view
{
public:
    request_view() noexcept = default;
    explicit request_view(const lock_sync_request *request) noexcept : request_(request) {}

    std::string_view method() const noexcept { return lock_sync_request_method(request_); }
    std::string_view url() const noexcept { return lock_sync_request_url(request_); }

    /** Returns the headers to send, borrowed. The client adds the Host header and Accept-Encoding. */
    std::vector<std::pair<std::string_view, std::string_view>> headers() const
    {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        for (std::size_t i = 0; i < lock_sync_request_header_count(request_); i++)
            all.emplace_back(lock_sync_request_header_name(request_, i), lock_sync_request_header_value(request_, i));
        return all;
    }

    /** Returns the time left for the whole fetch; for a request that was built, the configured timeout. */
    milliseconds timeout() const noexcept { return milliseconds(lock_sync_request_timeout_ms(request_)); }
    milliseconds connect_timeout() const noexcept
    {
        return milliseconds(lock_sync_request_connect_timeout_ms(request_));
    }

    /** Returns whether transport::perform() must end soon. */
    bool is_cancelled() const noexcept { return lock_sync_request_is_cancelled(request_); }

    /** Returns the request for a function of C, borrowed. */
    const lock_sync_request *native() const noexcept { return request_; }

private:
    const lock_sync_request *request_ = nullptr;
};

/** A request that was built, with its credential, which is wiped at the end. */
class [[nodiscard]] request : public request_view
{
public:
    using object = lock_sync_request;

    explicit request(lock_sync_request *transferred) noexcept : request_view(transferred), owned_(transferred) {}

private:
    struct release {
        void operator()(lock_sync_request *request) const noexcept { lock_sync_request_free(request); }
    };
    std::unique_ptr<lock_sync_request, release> owned_;
};

/** One HTTP response that the application fills. Borrowed. */
class response_view
{
public:
    explicit response_view(lock_sync_response *response) noexcept : response_(response) {}

    void set_status(int http_status) { try_set_status(http_status).value(); }
    expected<void> try_set_status(int http_status)
    {
        return detail::checked(lock_sync_response_set_status(response_, http_status));
    }

    /** Adds a header; the library keeps Date, Retry-After and X-Correlation-ID. */
    void add_header(const text &name, const text &value) { try_add_header(name, value).value(); }
    expected<void> try_add_header(const text &name, const text &value)
    {
        if (!name.is_whole() || !value.is_whole())
            return detail::has_nul();
        return detail::checked(lock_sync_response_add_header(response_, name.c_str(), value.c_str()));
    }

    /** Appends bytes of the decoded body. Fails with status::too_large beyond settings::max_response_bytes. */
    void append_body(std::string_view bytes) { try_append_body(bytes).value(); }
    expected<void> try_append_body(std::string_view bytes)
    {
        return detail::checked(lock_sync_response_append_body(response_, bytes.data(), bytes.size()));
    }

    /** Sets when the response arrived; by default when the object was made. */
    void set_received_at(time_point when) { try_set_received_at(when).value(); }
    expected<void> try_set_received_at(time_point when)
    {
        return detail::checked(lock_sync_response_set_received_at_ms(response_, when.time_since_epoch().count()));
    }

    /** Returns the response for a function of C, borrowed. */
    lock_sync_response *native() const noexcept { return response_; }

private:
    lock_sync_response *response_;
};

/** An empty response of context::make_response(). */
class [[nodiscard]] response : public response_view
{
public:
    using object = lock_sync_response;

    explicit response(lock_sync_response *transferred) noexcept : response_view(transferred), owned_(transferred) {}

private:
    struct release {
        void operator()(lock_sync_response *response) const noexcept { lock_sync_response_free(response); }
    };
    std::unique_ptr<lock_sync_response, release> owned_;
};

/** A transport of the application; see lock_sync_transport. */
class transport
{
public:
    transport() = default;
    transport(const transport &) = delete;
    transport &operator=(const transport &) = delete;
    virtual ~transport() = default;

    /**
     * Sends the request once, without following redirects, and fills the response with status, headers and body.
     *
     * Throws an error of status::resolve, connect or tls if no byte was sent, of timeout or cancelled if it ended
     * early. Any other exception counts as status::network; error::cause() has it.
     */
    virtual void perform(const request_view &request, response_view &response) = 0;

    /** Makes a running perform() end soon. Called on any thread. Must not call the library. */
    virtual void cancel() noexcept {}
};

/** Makes a transport of a function that is called as transport::perform(). */
template <class Function> std::shared_ptr<transport> make_transport(Function function)
{
    struct one final : transport {
        explicit one(Function &&f) : function(std::move(f)) {}
        void perform(const request_view &request, response_view &response) override { function(request, response); }
        Function function;
    };
    return std::make_shared<one>(std::move(function));
}

} // namespace locksync

#endif
