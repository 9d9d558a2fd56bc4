/* Which member polls which account. */
#include "../support/checks.h"
#include "share.h"

#include <stdio.h>

#define ACCOUNTS 3000

static uint64_t account(int number)
{
    char name[32];

    (void)snprintf(name, sizeof name, "account-%d", number);
    return share_hash(name);
}

/* Returns the only member that polls the account; -1: no member does; -2: several do. */
static int owner(uint64_t account_hash, const uint64_t *members, size_t count)
{
    int found = -1;

    for (size_t i = 0; i < count; i++)
        if (share_is_mine(account_hash, members[i], members, count))
            found = found == -1 ? (int)i : -2;
    return found;
}

/* Machines with another processor must agree. */
TEST(a_hash_is_the_same_everywhere)
{
    static const struct {
        const char *name;
        uint64_t hash;
    } table[] = {
        {"", UINT64_C(0xc3817c016ba4ff30)},
        {"a", UINT64_C(0x5f29c2aadd9b8527)},
        {"account-17", UINT64_C(0xfc9a3851872476f4)},
        {"\xc3\xa4", UINT64_C(0x9f520a0861a56b8a)},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("'%s'", table[i].name);
        CHECK(share_hash(table[i].name) == table[i].hash);
    }
}

TEST(each_account_has_one_member_and_each_member_its_part)
{
    static const size_t counts[] = {1, 2, 3, 6, 50};
    uint64_t members[50];

    for (int i = 0; i < 50; i++)
        members[i] = account(1000000 + i);
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        int parts[50] = {0};
        int even = ACCOUNTS / (int)counts[c];

        t_row("%zu members", counts[c]);
        for (int i = 0; i < ACCOUNTS; i++) {
            int o = owner(account(i), members, counts[c]);

            MUST(o >= 0);
            parts[o]++;
        }
        for (size_t i = 0; i < counts[c]; i++)
            CHECK_BETWEEN(parts[i], even * 6 / 10, even * 14 / 10);
    }
}

TEST(a_member_that_leaves_moves_only_its_part)
{
    uint64_t members[6], rest[5];

    for (int i = 0; i < 6; i++)
        members[i] = account(2000000 + i);
    for (int i = 0; i < 5; i++)
        rest[i] = members[i];
    for (int i = 0; i < ACCOUNTS; i++) {
        int before = owner(account(i), members, 6);
        int after = owner(account(i), rest, 5);

        CHECK(before == 5 ? after >= 0 : after == before);
    }
}

TEST(the_order_of_the_members_does_not_matter)
{
    const uint64_t members[] = {account(1), account(2), account(3)};
    const uint64_t turned[] = {members[2], members[0], members[1]};

    for (int i = 0; i < ACCOUNTS; i++)
        for (int m = 0; m < 3; m++)
            CHECK(share_is_mine(account(i), members[m], members, 3) ==
                  share_is_mine(account(i), members[m], turned, 3));
}

TEST(a_member_that_is_not_alive_polls_nothing)
{
    const uint64_t members[] = {account(1), account(2)};

    for (int i = 0; i < ACCOUNTS; i++) {
        CHECK(!share_is_mine(account(i), account(3), members, 2));
        CHECK(!share_is_mine(account(i), account(3), NULL, 0));
    }
}
