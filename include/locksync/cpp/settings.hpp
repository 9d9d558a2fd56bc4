/**
 * @file
 * The settings of a context, and its callbacks.
 */
#ifndef LOCKSYNC_CPP_SETTINGS_HPP
#define LOCKSYNC_CPP_SETTINGS_HPP

#include "guard.hpp"
#include "transport.hpp"

#include <functional>

namespace locksync
{

/** A personal key or an access token; see personal_key() and access_token(). */
class credential
{
public:
    /** Sets the credential on a context of C. */
    lock_sync_status set_on(lock_sync_ctx *ctx) const noexcept
    {
        if (expires_at_)
            return lock_sync_set_access_token_until(ctx, secret_.c_str(), expires_at_->time_since_epoch().count());
        return setter_(ctx, secret_.c_str());
    }

    /** Returns whether C sees all of it. */
    bool is_whole() const noexcept { return secret_.is_whole(); }

    friend credential personal_key(text key);
    friend credential access_token(text token);
    friend credential access_token(text token, time_point expires_at);

private:
    using setter = lock_sync_status (*)(lock_sync_ctx *, const char *);

    credential(setter set, text secret, std::optional<time_point> expires_at = std::nullopt)
        : setter_(set), secret_(std::move(secret)), expires_at_(expires_at)
    {
    }

    setter setter_;
    text secret_;
    std::optional<time_point> expires_at_;
};

/** Makes a personal key. With nullptr the context gets no credential. */
inline credential personal_key(text key)
{
    return {lock_sync_set_personal_key, std::move(key)};
}

/** Makes an access token. With nullptr the context gets no credential. */
inline credential access_token(text token)
{
    return {lock_sync_set_access_token, std::move(token)};
}

/** Makes an access token that is not sent after the given time. */
inline credential access_token(text token, time_point expires_at)
{
    return {lock_sync_set_access_token, std::move(token), expires_at};
}

/**
 * Provides a credential; `rejected` says that the service rejected the current one. See lock_sync_token_fn.
 *
 * If it throws, the fetch fails: with the status of an error, otherwise with status::no_credential. error::cause() has
 * the exception.
 */
using token_provider = std::function<credential(bool rejected)>;

/** Receives one line without a credential. Its exceptions are dropped, because a log must not change a fetch. */
using logger = std::function<void(log_level level, std::string_view line)>;

/**
 * Settings of a context. A member without a value leaves the context as it is.
 *
 * The C header context.h says what each means. nullptr in a text restores its default. So do an empty logger, provider
 * or transport. A logger, provider, transport or store must not destroy the context that calls it, or a watch of it.
 */
struct settings {
    std::optional<locksync::credential> credential{};
    std::optional<text> base_url{};
    std::optional<text> api_version{};
    std::optional<milliseconds> connect_timeout{};
    std::optional<milliseconds> timeout{};
    std::optional<milliseconds> max_idle{};
    std::optional<std::uint64_t> max_response_bytes{};
    std::optional<bool> allow_http{};
    std::optional<text> ca_file{};
    std::optional<text> proxy{};
    std::optional<text> user_agent{};
    std::optional<logger> log{};
    std::optional<locksync::token_provider> token_provider{};
    std::optional<std::shared_ptr<locksync::transport>> transport{};
    std::optional<locksync::guard> guard{};
    std::optional<locksync::guard_mode> guard_mode{};
};

} // namespace locksync

#endif
