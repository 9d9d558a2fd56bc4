/* How many transfers of a pool one origin may take, as a table. The simulation tests that all origins get equal
   shares. */
#include "../support/decoding.h"
#include "pool/share.h"

TEST(the_share_of_an_origin_depends_on_what_is_left)
{
    static const struct {
        const char *name;
        lsync_budget budget; /* max, used, used by origins on trial */
        uint32_t own;
        bool on_trial;
        bool allowed;
    } table[] = {
        {"nothing is taken", {144, 0, 0}, 0, false, true},
        {"alone it gets 128 of 144", {144, 127, 0}, 127, false, true},
        {"and not more", {144, 128, 0}, 128, false, false},
        {"the rest is for the next", {144, 128, 0}, 0, false, true},
        {"which gets up to eight times what is left", {144, 135, 0}, 7, false, true},
        {"the last one is for an origin without any", {144, 143, 0}, 0, false, true},
        {"the last eight are for origins with none", {144, 136, 0}, 1, false, false},
        {"no more than eight times what is left", {144, 135, 0}, 72, false, false},
        {"all is taken", {144, 144, 0}, 0, false, false},
        {"more is taken than the maximum", {10, 144, 0}, 0, false, false},
        {"one of one", {1, 0, 0}, 0, false, true},
        {"all of eight", {8, 7, 0}, 7, false, true},
        {"no more than eight of nine", {9, 8, 0}, 8, false, false},
        {"many of very many", {UINT32_MAX, 1000000, 0}, 1000000, false, true},
        {"on trial: nothing is taken", {144, 0, 0}, 0, true, true},
        {"on trial: alone it gets a quarter", {144, 35, 35}, 35, true, true},
        {"on trial: and not more", {144, 36, 36}, 36, true, false},
        {"on trial: the next gets half of what is left", {144, 53, 53}, 17, true, true},
        {"on trial: the next does not get more", {144, 54, 54}, 18, true, false},
        {"on trial: their half is full", {144, 72, 72}, 0, true, false},
        {"the other half is not", {144, 72, 72}, 0, false, true},
        {"on trial: what others took does not count", {144, 100, 10}, 0, true, true},
        {"on trial: but one must be left", {144, 144, 10}, 0, true, false},
        {"on trial: the last eight of all are for origins with none", {144, 136, 8}, 8, true, false},
        {"on trial: and the last of them too", {144, 143, 8}, 0, true, true},
        {"on trial: beside them it gets more", {144, 135, 8}, 8, true, true},
        {"on trial: the last eight of their half are for origins with none", {144, 64, 64}, 1, true, false},
        {"on trial: and the last of these too", {144, 71, 71}, 0, true, true},
        {"on trial: beside these it gets more", {144, 63, 63}, 8, true, true},
        {"on trial: what it took before counts", {144, 128, 0}, 127, true, false},
        {"on trial: one of one", {1, 0, 0}, 0, true, true},
        {"on trial: two of three", {3, 1, 1}, 0, true, true},
        {"on trial: and no third", {3, 2, 2}, 0, true, false},
        {"on trial: the limit was lowered", {10, 60, 60}, 0, true, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK(lsync_share_allows(&table[i].budget, table[i].own, table[i].on_trial) == table[i].allowed);
    }
}
