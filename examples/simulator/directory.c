/* Writes the bodies of my/lock. They are not kept, even for frozen locks, because clients ask for them rarely.

   deviceState is called lockProperties before v1.34, one version earlier than in sync. The revision is in every
   version. A lock that was never paired with a bridge has null as isConnected, connectedToId, beacons and state, and
   no timeZone. */

#include "directory.h"

#include "names.h"

#define RECORD_ROOM 2048 /* the longest record is under 1800 bytes */
#define FIRST_BRIDGE_ID 900001
#define LOCKS_OF_A_BRIDGE 8
#define DAY_MS INT64_C(86400000)
#define CREATED_AFTER_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */

enum { LOCK_PRO = 2, LOCK_GO = 4 };
enum { GUEST = 0, OWNER = 2 };

static char *put_text(char *p, const char *text)
{
    size_t size = strlen(text);

    return (char *)memcpy(p, text, size) + size;
}

static char *put_escaped(char *p, const char *name)
{
    for (; *name != '\0'; *p++ = *name++)
        if (*name == '"' || *name == '\\')
            *p++ = '\\';
    return p;
}

static char *put_identity(char *p, const struct roster *roster, int64_t id)
{
    uint64_t seed = roster_seed(roster);
    int64_t number = roster_number(roster, id);
    char room[NAME_SIZE];

    p = put_literal(p, "{\"id\":");
    p = put_number(p, id);
    p = put_literal(p, ",\"name\":\"");
    p = put_escaped(p, roster_name(roster, id, room));
    p = put_literal(p, "\",\"serialNumber\":\"");
    p = put_serial(p, seed, number);
    p = put_literal(p, "\",\"type\":");
    return put_number(p, mix(seed + 1000 + (uint64_t)number) % 4 == 0 ? LOCK_GO : LOCK_PRO);
}

static char *put_bridge(char *p, int64_t number, bool paired)
{
    if (!paired)
        return put_literal(p,
                           ",\"beaconMajor\":null,\"beaconMinor\":null,\"connectedToId\":null,\"organizationId\":null");
    p = put_literal(p, ",\"beaconMajor\":56,\"beaconMinor\":");
    p = put_number(p, number);
    p = put_literal(p, ",\"connectedToId\":");
    p = put_number(p, FIRST_BRIDGE_ID + (number - 1) / LOCKS_OF_A_BRIDGE);
    return put_literal(p, ",\"organizationId\":null,\"timeZone\":\"Europe/Warsaw\"");
}

static char *put_revisions(char *p, int64_t revision)
{
    p = put_literal(p, ",\"revision\":");
    p = put_number(p, revision);
    p = put_literal(p, ",\"deviceRevision\":");
    p = put_number(p, revision);
    p = put_literal(p, ",\"targetDeviceRevision\":");
    return put_number(p, revision);
}

/* Values that clients of states ignore. */
static char *put_settings(char *p)
{
    p = put_literal(p, ",\"accessDetails\":null,\"softwareVersions\":[{\"softwareType\":0,\"version\":\"1.0.0\",");
    p = put_literal(p, "\"updateAvailable\":true}],\"deviceSettings\":{\"autoLockEnabled\":true,\"autoLockDelay\":10,");
    p = put_literal(p, "\"autoLockImplicitEnabled\":false,\"autoLockImplicitDelay\":10,\"pullSpringEnabled\":true,");
    p = put_literal(p, "\"pullSpringDuration\":10,\"autoPullSpringEnabled\":false,\"postponedLockEnabled\":false,");
    p = put_literal(p, "\"postponedLockDelay\":10,\"buttonLockEnabled\":false,\"buttonUnlockEnabled\":false,");
    return put_literal(p, "\"isAsync\":false}");
}

/* Writes the coordinates of a home too, as the service does. */
static char *put_user_settings(char *p)
{
    return put_literal(p,
                       ",\"userSettings\":{\"autoUnlockEnabled\":false,\"location\":"
                       "{\"latitude\":52.2297,\"longitude\":21.0122}}");
}

static void write_record(const struct roster *roster, struct shape shape, int64_t id, bool user_settings,
                         int64_t now_us, struct text *body)
{
    int64_t number = roster_number(roster, id);
    struct lock_state lock;
    char *p = text_room(body, RECORD_ROOM);

    roster_look(roster, id, now_us, &lock);
    p = put_identity(p, roster, id);
    p = put_bridge(p, number, lock.paired);
    p = put_revisions(p, lock.revision);
    p = put_literal(p, ",\"isConnected\":");
    p = put_text(p, !lock.paired ? "null" : lock.connected ? "true" : "false");
    p = put_literal(p, ",\"accessLevel\":");
    p = put_number(p, number % 5 == 0 ? GUEST : OWNER);
    p = put_settings(p);
    p = put_literal(p, ",\"created\":\"");
    p = put_date(p, CREATED_AFTER_MS + number % 1000 * DAY_MS);
    *p++ = '"';
    if (user_settings)
        p = put_user_settings(p);
    p = shape.directory_device_state ? put_literal(p, ",\"deviceState\":") : put_literal(p, ",\"lockProperties\":");
    p = lock.connected ? put_state(p, shape, &lock) : put_literal(p, "null");
    *p++ = '}';
    body->size = (size_t)(p - body->data);
}

void directory_page(const struct roster *roster, struct shape shape, const struct directory_query *query,
                    int64_t now_us, struct text *body)
{
    int64_t i = 0;

    response_begin(body);
    for (int64_t id = roster_next(roster, 0); id != 0; id = roster_next(roster, id))
        if (i++ / query->page_locks == query->page - 1) {
            write_record(roster, shape, id, query->user_settings, now_us, body);
            text_literal(body, ",");
        }
    response_end(body);
}

bool directory_one(const struct roster *roster, struct shape shape, int64_t id, bool user_settings, int64_t now_us,
                   struct text *body)
{
    if (!roster_has(roster, id))
        return false;
    response_begin_one(body);
    write_record(roster, shape, id, user_settings, now_us, body);
    response_end_one(body);
    return true;
}
