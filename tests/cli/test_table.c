/* The table of locks: its columns in windows of any size, names in any script, and the rows that come first. */
#include "rows.h"
#include "table.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#include "../support/decoding.h"

#define KEY "\U0001f511"
#define HEBREW "\u05d3\u05dc\u05ea"
#define CJK "\u7384\u95a2"
#define ELLIPSIS "\u2026"

#define STATE(state, battery)                                                                                          \
  "\"isConnected\":true,\"deviceState\":{\"state\":" #state ",\"doorState\":3,\"batteryLevel\":" #battery              \
  ",\"isCharging\":false,\"stateChangeResult\":0}"
#define LOCK(id, name, state) "{\"id\":" #id ",\"name\":\"" name "\",\"serialNumber\":\"S-" #id "\"," state "}"

static const char five_locks[] =
    "{\"success\":true,\"result\":["
    LOCK(101, "Front door", STATE(6, 80)) ","
    LOCK(102, CJK KEY, STATE(6, 19)) ","
    LOCK(103, HEBREW, STATE(2, 80)) ","
    LOCK(104, "A very long name of a lock", STATE(6, 20)) ","
    "{\"id\":105," STATE(5, 80) "}]}";

/* --- text --- */

TEST(text_is_cut_at_a_whole_character)
{
    static const struct {
        const char *text;
        int width; /* as a whole */
        int most;
        const char *kept;
        bool is_cut;
        int taken;
    } cases[] = {
        {"", 0, 5, "", false, 0},
        {"door", 4, 4, "door", false, 4},
        {"door", 4, 3, "do", true, 3},
        {"door", 4, 1, "", true, 1},
        {"door", 4, 0, "", false, 0},
        {CJK, 4, 4, CJK, false, 4},
        {CJK, 4, 3, "\u7384", true, 3},
        {CJK, 4, 2, "", true, 1}, /* half of a wide character does not exist */
        {"e\u0301t\u0301", 2, 2, "e\u0301t\u0301", false, 2},
        {"e\u0301to", 3, 2, "e\u0301", true, 2}, /* a mark stays with its character */
        {KEY "a", 3, 2, "", true, 1},
    };

    utf8_begin();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int taken = cases[i].most;
        const char *end;
        size_t size;

        t_row("%s, at most %d", cases[i].text, cases[i].most);
        size = utf8_fit(cases[i].text, &taken, &end);
        CHECK_INT(utf8_width(cases[i].text), cases[i].width);
        CHECK_INT(size, strlen(cases[i].kept));
        CHECK(strncmp(cases[i].text, cases[i].kept, size) == 0);
        CHECK_TEXT(end, cases[i].is_cut ? ELLIPSIS : "");
        CHECK_INT(taken, cases[i].taken);
    }
}

TEST(scripts_from_right_to_left_are_known)
{
    static const char *const left_to_right[] = {"", "door", CJK, "\u00d6l", KEY};
    static const char *const right_to_left[] = {HEBREW, ("door " HEBREW), "\u0628\u0627\u0628", "\ufe8f", "\U0001e900"};

    for (size_t i = 0; i < COUNT_OF(left_to_right); i++)
        CHECK(!utf8_is_right_to_left(left_to_right[i]));
    for (size_t i = 0; i < COUNT_OF(right_to_left); i++)
        CHECK(utf8_is_right_to_left(right_to_left[i]));
}

/* --- the table --- */

typedef struct account {
    lock_sync_ctx *ctx;
    lock_sync_directory *directory;
    rows locks;
} account;

static void open_account(account *a, const char *body)
{
    *a = (account){.ctx = NULL};
    utf8_begin();
    MUST_OK(lock_sync_ctx_new(&a->ctx));
    MUST_OK(lock_sync_set_personal_key(a->ctx, "key"));
    MUST_OK(t_decode_directory(a->ctx, body, &a->directory));
    MUST(rows_from_results(&a->locks, lock_sync_directory_results(a->directory)));
}

static void close_account(account *a)
{
    rows_free(&a->locks);
    lock_sync_directory_free(a->directory);
    lock_sync_ctx_free(a->ctx);
}

/* Returns the text of the table, which lives until the end of the test. */
static char *table_of(const account *a, const table_style *style)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    MUST(out != NULL);
    table_print(out, &a->locks, style);
    MUST_INT(fclose(out), 0);
    return t_later(free, text);
}

TEST(a_user_chooses_the_columns)
{
    static const struct {
        table_columns columns;
        bool headings;
        const char *expected;
    } cases[] = {
        {{{COLUMN_STATE, COLUMN_ID}, 2},
         true,
         "STATE     ID\nlocked    101\nlocked    102\nunlocked  103\nlocked    104\nlocking   105\n"},
        {{{COLUMN_SERIAL, COLUMN_BATTERY}, 2},
         true,
         "SERIAL   BATTERY\nS-101    80 %\nS-102    19 % low\nS-103    80 %\nS-104    20 %\nunknown  80 %\n"},
        {{{COLUMN_NAME}, 1}, false, "Front door\n" CJK KEY "\n" HEBREW "\nA very long name of a lock\n105\n"},
    };
    account a;

    open_account(&a, five_locks);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        table_style style = {.columns = cases[i].columns,
                             .directory = a.directory,
                             .headings = cases[i].headings,
                             .lines = SIZE_MAX,
                             .line_end = "\n"};

        t_row("case %zu", i);
        CHECK_TEXT(table_of(&a, &style), cases[i].expected);
    }
    close_account(&a);
}

/* The name gets the columns that are left. */
TEST(a_narrow_window_drops_columns_before_a_name_gets_less_than_10)
{
    static const struct {
        int width;
        const char *headings;
        const char *row;
    } cases[] = {
        {89, "NAME                        ID   STATE     DOOR    BATTERY   CHARGING  CONNECTED  CHANGED\n",
         "\nA very long name of a lock  104  locked    closed  20 %      no        yes        unknown\n"},
        {75, "NAME          ID   STATE     DOOR    BATTERY   CHARGING  CONNECTED  CHANGED\n",
         "\nA very long" ELLIPSIS "  104  locked    closed  20 %      no        yes        unknown\n"},
        {60, "NAME              ID   STATE     DOOR    BATTERY   CONNECTED\n",
         "\nA very long nam" ELLIPSIS "  104  locked    closed  20 %      yes\n"},
        {45, "NAME         ID   STATE     DOOR    CONNECTED\n",
         "\nA very lon" ELLIPSIS "  104  locked    closed  yes\n"},
        {36, "NAME        ID   STATE     CONNECTED\n", "\nA very lo" ELLIPSIS "  104  locked    yes\n"},
        {35, "NAME            STATE     CONNECTED\n", "\nA very long n" ELLIPSIS "  locked    yes\n"},
        {24, "NAME        STATE     C" ELLIPSIS "\n", "\nA very lo" ELLIPSIS "  locked    y" ELLIPSIS "\n"},
        {20, "NAME        STATE\n", "\nA very lo" ELLIPSIS "  locked\n"},
        {19, "Front door\n locked\n", "\nA very lo" ELLIPSIS "\n locked\n"},
        {8, "Front d" ELLIPSIS "\n locked\n", "\nA very " ELLIPSIS "\n locked\n"},
    };
    account a;

    open_account(&a, five_locks);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        table_style style = {
            .directory = a.directory, .headings = true, .width = cases[i].width, .lines = SIZE_MAX, .line_end = "\n"};
        const char *text = table_of(&a, &style);

        t_row("%d columns", cases[i].width);
        CHECK(strncmp(text, cases[i].headings, strlen(cases[i].headings)) == 0);
        CHECK_HOLDS(text, cases[i].row);
    }
    close_account(&a);
}

TEST(without_a_name_there_is_no_column_for_names)
{
    account a;
    table_style style = {.headings = true, .lines = 2, .line_end = "\n"};

    open_account(&a, "{\"success\":true,\"result\":[{\"id\":105," STATE(5, 80) "}]}");
    style.directory = a.directory;
    CHECK(strncmp(table_of(&a, &style), "ID ", 3) == 0);
    style.directory = NULL;
    CHECK(strncmp(table_of(&a, &style), "ID ", 3) == 0);
    close_account(&a);
}

/* Without isolates a terminal that reorders would swap name and id. In a file they would be in the way. */
TEST(a_name_from_right_to_left_is_isolated_in_a_terminal)
{
    account a;
    table_style style = {.columns = {{COLUMN_NAME, COLUMN_ID}, 2}, .lines = SIZE_MAX, .line_end = "\n", .width = 80};

    open_account(&a, five_locks);
    style.directory = a.directory;
    CHECK_HOLDS(table_of(&a, &style), "\n\u2068" HEBREW "\u2069                         103\n");
    CHECK_LACKS(table_of(&a, &style), "\u2068" CJK);
    style.width = 0;
    CHECK_HOLDS(table_of(&a, &style), "\n" HEBREW "                         103\n");
    close_account(&a);
}

TEST(a_service_s_name_cannot_control_the_terminal)
{
    account a;
    table_style style = {.columns = {{COLUMN_NAME, COLUMN_SERIAL}, 2}, .lines = 1, .line_end = "\n"};

    open_account(&a,
                 "{\"success\":true,\"result\":[{\"id\":1,\"name\":\"a\\u001b[31m\u202eb\\n\u2764\ufe0f\","
                 "\"serialNumber\":\"1\\u009b2\"," STATE(6, 80) "}]}");
    style.directory = a.directory;
    CHECK_TEXT(table_of(&a, &style), "a [31m b \u2764   1 2\n");
    close_account(&a);
}

TEST(rows_that_need_attention_come_first_if_not_all_fit)
{
    static const struct {
        size_t lines;
        const char *expected;
    } cases[] = {
        {5, "101\n102\n103\n104\n105\n"}, {4, "104\n103\n105\nand 2 more\n"}, /* it has changed; two are not locked */
        {3, "104\n103\nand 3 more\n"},    {2, "104\nand 4 more\n"},           {1, "104\n"}, {0, ""},
    };
    account a;

    open_account(&a, five_locks);
    a.locks.at[3].has_changed = true;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        table_style style = {.columns = {{COLUMN_ID}, 1}, .lines = cases[i].lines, .line_end = "\n"};

        t_row("%zu lines", cases[i].lines);
        CHECK_TEXT(table_of(&a, &style), cases[i].expected);
    }
    close_account(&a);
}

TEST(the_rank_of_a_row)
{
    static const uint32_t known = LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_BATTERY_LEVEL;
    static const struct {
        row row;
        row_rank rank;
    } cases[] = {
        {{{.fields = known, .is_connected = true, .state = 6, .battery_level = 20}, true, false}, RANK_OTHER},
        {{{.fields = known, .is_connected = true, .state = 6, .battery_level = 19}, true, false}, RANK_LOW_BATTERY},
        {{{.fields = known, .is_connected = true, .state = 2, .battery_level = 19}, true, false}, RANK_NOT_LOCKED},
        {{{.fields = LOCK_SYNC_FIELD_CONNECTED}, true, false}, RANK_NOT_LOCKED}, /* out of reach: not known */
        {{{.id = 1}, false, false}, RANK_NOT_LOCKED},                            /* not found */
        {{{.fields = known, .is_connected = true, .state = 6, .battery_level = 90}, true, true}, RANK_CHANGED},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        t_row("case %zu", i);
        CHECK_INT(row_rank_of(&cases[i].row), cases[i].rank);
    }
}

TEST(rows_from_an_old_response_are_dimmed)
{
    account a;
    table_style style = {.columns = {{COLUMN_STATE}, 1}, .color = true, .lines = SIZE_MAX, .line_end = "\n"};

    open_account(&a, five_locks);
    a.locks.at[0].has_changed = true;
    CHECK_HOLDS(table_of(&a, &style), "\033[1;32mlocked\033[0m\n\033[32mlocked");
    style.is_stale = true;
    CHECK_HOLDS(table_of(&a, &style), "\033[2mlocked\033[0m\n\033[2mlocked");
    CHECK_LACKS(table_of(&a, &style), "\033[1");
    close_account(&a);
}
