/* See read.h. Uses simdjson's on-demand reader as its documentation advises for speed. There is one parser for all
   bodies, and an object's values are read once, in the order in which the service sends them.

   No copy into a padded buffer is counted, which favours simdjson. The body is in a block with room after it, where
   all contestants read it. A program that allocates the buffer for libcurl can do the same. A program that gets the
   body from elsewhere must copy it first. */
#include "read.h"
#include "tools.h"

#include <simdjson.h>

#include <cstdlib>

using namespace simdjson;

static_assert(SIMDJSON_PADDING <= BODY_PADDING, "a body has too little room behind it");

namespace
{

void keep_int32(lock_sync_lock &lock, simdjson_result<ondemand::value> value, uint32_t field, int32_t &place)
{
    int64_t number;

    if (value.get_int64().get(number) != SUCCESS)
        return;
    place = static_cast<int32_t>(number);
    lock.fields |= field;
}

void keep_bool(lock_sync_lock &lock, simdjson_result<ondemand::value> value, uint32_t field, bool &place)
{
    if (value.get_bool().get(place) == SUCCESS)
        lock.fields |= field;
}

void read_state(ondemand::object state, lock_sync_lock &lock)
{
    int64_t level;
    std::string_view changed;

    lock.fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
    keep_int32(lock, state["state"], LOCK_SYNC_FIELD_STATE, lock.state);
    keep_int32(lock, state["doorState"], LOCK_SYNC_FIELD_DOOR_STATE, lock.door_state);
    keep_bool(lock, state["isCharging"], LOCK_SYNC_FIELD_CHARGING, lock.is_charging);
    if (state["batteryLevel"].get_int64().get(level) == SUCCESS)
        keep_battery(&lock, static_cast<int32_t>(level));
    keep_int32(lock, state["stateChangeResult"], LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, lock.state_change_result);
    if (state["lastStateChangedDate"].get_string().get(changed) == SUCCESS)
        keep_time(&lock, changed.data(), changed.size());
}

bool read_lock(simdjson_result<ondemand::value> element, lock_sync_lock &lock)
{
    ondemand::object record;
    ondemand::object state;

    if (element.get_object().get(record) != SUCCESS || record["id"].get_int64().get(lock.id) != SUCCESS)
        return false;
    keep_bool(lock, record["isConnected"], LOCK_SYNC_FIELD_CONNECTED, lock.is_connected);
    if (record["deviceState"].get_object().get(state) == SUCCESS)
        read_state(state, lock);
    if (record["revision"].get_int64().get(lock.revision) == SUCCESS)
        lock.fields |= LOCK_SYNC_FIELD_REVISION;
    return true;
}

bool grow(records &out, size_t &room)
{
    size_t more = room == 0 ? 16 : 2 * room;
    void *block = std::realloc(out.locks, more * sizeof out.locks[0]);

    if (block == nullptr)
        return false;
    out.locks = static_cast<lock_sync_lock *>(block);
    room = more;
    return true;
}

/* Grows a block by doubling: count_elements() would read the array twice, and take a quarter longer. */
bool read_result(ondemand::array result, records &out)
{
    size_t room = 0;

    for (auto element : result) {
        if (out.count == room && !grow(out, room))
            return false;
        out.locks[out.count] = lock_sync_lock{};
        if (!read_lock(element, out.locks[out.count++]))
            return false;
    }
    return true;
}

bool read_response(ondemand::parser &parser, const char *body, size_t size, records &out)
{
    ondemand::document document;
    ondemand::array result;
    bool success;

    return parser.iterate(body, size, size + BODY_PADDING).get(document) == SUCCESS &&
           document["result"].get_array().get(result) == SUCCESS && read_result(result, out) &&
           document["success"].get_bool().get(success) == SUCCESS && success;
}

} // namespace

bool read_with_simdjson(const char *body, size_t size, records *out)
{
    static ondemand::parser parser;

    *out = records{};
    if (read_response(parser, body, size, *out))
        return true;
    std::free(out->locks);
    return false;
}
