'use strict';
const { lib } = require('./declarations.js');
const { enumerations } = require('./constants.js');
const { integer } = require('./values.js');

const { Status } = enumerations();

function each(at, handle, count) {
    return Array.from({ length: count }, (_, i) => at(handle, i));
}

/** Why a call failed: `status` is the kind, `code` its name. Values that do not apply are null. */
class LockSyncError extends Error {
    constructor(status, message, detail = {}) {
        super(message || lib.lock_sync_status_message(integer(status)),
              'cause' in detail ? { cause: detail.cause } : undefined);
        this.status = status;
        this.code = lib.lock_sync_status_name(status);
        this.isRetryable = lib.lock_sync_status_is_retryable(status);
        this.httpStatus = detail.httpStatus || null;
        this.retryAfterMs = detail.retryAfterMs >= 0 ? detail.retryAfterMs : null;
        this.correlationId = detail.correlationId || null;
        this.apiMessages = detail.apiMessages || [];
        this.byteOffset = detail.byteOffset >= 0 ? detail.byteOffset : null;
    }

    /** Returns the error of a context's last call. `thrown` has what a callback threw in it, if one did. */
    static of(pointer, status, thrown) {
        const error = lib.lock_sync_last_error(pointer);
        if (lib.lock_sync_error_status(error) !== status) // a call that failed with BUSY leaves no detail
            return new LockSyncError(status);
        return new LockSyncError(status, lib.lock_sync_error_message(error), {
            ...thrown,
            httpStatus: lib.lock_sync_error_http_status(error),
            retryAfterMs: lib.lock_sync_error_retry_after_ms(error),
            correlationId: lib.lock_sync_error_correlation_id(error),
            apiMessages: each(lib.lock_sync_error_api_message_at, error, lib.lock_sync_error_api_message_count(error)),
            byteOffset: lib.lock_sync_error_byte_offset(error),
        });
    }
}
Object.defineProperty(LockSyncError.prototype, 'name', { value: 'LockSyncError', configurable: true, writable: true });

function check(status, message) {
    if (status !== Status.OK)
        throw new LockSyncError(status, message?.());
}

/** Returns what a function of C made. */
function make(create, ...args) {
    const out = [null];
    check(create(...args, out));
    return out[0];
}

module.exports = { LockSyncError, Status, check, each, make };
