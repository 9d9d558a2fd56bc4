#include "table.h"

#include "cells.h"
#include "moment.h"
#include "utf8.h"

#include <string.h>

#define GAP 2
#define NAME_MOST 60  /* columns of a name */
#define NAME_LEAST 10 /* a narrow terminal drops other columns before a name gets less */

/* A text from right to left must not change the order of the columns beside it, if the terminal reorders. */
static const char first_strong_isolate[] = {'\xe2', '\x81', '\xa8', '\0'}; /* U+2068 */
static const char pop_isolate[] = {'\xe2', '\x81', '\xa9', '\0'};          /* U+2069 */

/* --- cells --- */

static const char *const headings[COLUMN_COUNT] = {"NAME",    "ID",       "SERIAL",    "STATE",  "DOOR",
                                                   "BATTERY", "CHARGING", "CONNECTED", "CHANGED"};

static void fill_found(const lock_sync_lock *lock, table_column column, bool age, int64_t now_ms, cell *c)
{
    switch (column) {
    case COLUMN_STATE: cell_state(lock, c); break;
    case COLUMN_DOOR: cell_door(lock, c); break;
    case COLUMN_BATTERY: cell_battery(lock, c); break;
    case COLUMN_CHARGING: cell_charging(lock, c); break;
    case COLUMN_CONNECTED: cell_connected(lock, c); break;
    default:
        if (age)
            cell_age(lock, now_ms, c);
        else
            cell_changed(lock, c);
    }
}

static void fill(const row *r, table_column column, const table_style *style, int64_t now_ms, cell *c)
{
    const lock_sync_lock_info *info = lock_sync_directory_find(style->directory, r->lock.id);

    *c = (cell){.color = ""};
    if (column == COLUMN_NAME)
        cell_name(info, r->lock.id, c);
    else if (column == COLUMN_ID)
        cell_id(r->lock.id, c);
    else if (column == COLUMN_SERIAL)
        cell_serial(info, c);
    else if (r->is_found)
        fill_found(&r->lock, column, style->age, now_ms, c);
    else if (column == COLUMN_STATE)
        *c = (cell){.text = "not found", .color = "31"};
}

/* --- layout --- */

typedef struct layout {
    table_columns columns;
    int widths[COLUMN_COUNT];
    bool is_stacked; /* states are below the names or ids, because a truncated state could be read as another state */
} layout;

bool table_has_column(const table_columns *columns, table_column column)
{
    size_t i = 0;

    while (i < columns->count && columns->at[i] != column)
        i++;
    return i < columns->count;
}

static void drop(table_columns *columns, table_column column)
{
    size_t kept = 0;

    for (size_t i = 0; i < columns->count; i++)
        if (columns->at[i] != column)
            columns->at[kept++] = columns->at[i];
    columns->count = kept;
}

static bool has_names(const rows *r, const lock_sync_directory *directory)
{
    size_t i = 0;
    const lock_sync_lock_info *info = NULL;

    for (; i < r->count && (info == NULL || info->name == NULL); i++)
        info = lock_sync_directory_find(directory, r->at[i].lock.id);
    return info != NULL && info->name != NULL;
}

/* The columns without --columns. Without names the first one is left out. */
static const table_columns usual = {
    {COLUMN_NAME, COLUMN_ID, COLUMN_STATE, COLUMN_DOOR, COLUMN_BATTERY, COLUMN_CHARGING, COLUMN_CONNECTED,
     COLUMN_CHANGED},
    8,
};

/* Returns the width of a column in which nothing is cut, except a very long name. */
static int full_width(const rows *r, table_column column, const table_style *style, int64_t now_ms)
{
    int widest = (int)strlen(headings[column]);

    for (size_t i = 0; i < r->count; i++) {
        cell c;
        int width;

        fill(&r->at[i], column, style, now_ms, &c);
        width = utf8_width(c.text);
        widest = width > widest ? width : widest;
    }
    return column == COLUMN_NAME && widest > NAME_MOST ? NAME_MOST : widest;
}

/* Returns how many columns of the terminal are left; below 0: missing. */
static int width_left(const layout *l, int terminal_width)
{
    int left = terminal_width + GAP;

    for (size_t i = 0; i < l->columns.count; i++)
        left -= l->widths[l->columns.at[i]] + GAP;
    return left;
}

/* Drops columns of the default, and shortens the name, for a narrow terminal. */
static void narrow(layout *l, const table_style *style)
{
    /* state and connection stay, and the name or else the id */
    static const table_column dropped_first[] = {COLUMN_CHARGING, COLUMN_CHANGED, COLUMN_BATTERY, COLUMN_DOOR,
                                                 COLUMN_ID};
    size_t droppable = sizeof dropped_first / sizeof dropped_first[0] - !table_has_column(&l->columns, COLUMN_NAME);
    int *name = &l->widths[COLUMN_NAME];
    int cut = *name > NAME_LEAST ? *name - NAME_LEAST : 0;
    int left;

    *name -= cut;
    for (size_t i = 0; i < droppable && style->columns.count == 0 && width_left(l, style->width) < 0; i++)
        drop(&l->columns, dropped_first[i]);
    left = width_left(l, style->width);
    if (left > 0)
        *name += left < cut ? left : cut;
    l->is_stacked = style->columns.count == 0 &&
                    l->widths[l->columns.at[0]] + GAP + l->widths[COLUMN_STATE] > style->width;
}

static void lay_out(layout *l, const rows *r, const table_style *style, int64_t now_ms)
{
    l->columns = style->columns.count > 0 ? style->columns : usual;
    if (style->columns.count == 0 && !has_names(r, style->directory))
        drop(&l->columns, COLUMN_NAME);
    for (int column = 0; column < COLUMN_COUNT; column++)
        l->widths[column] = full_width(r, (table_column)column, style, now_ms);
    if (style->width > 0)
        narrow(l, style);
}

/* --- output --- */

/* Prints at most `width` columns of the text, and returns how many. */
static int print_cell(FILE *out, const cell *c, int width, const table_style *style, const char *weight)
{
    const char *color = style->is_stale ? "" : c->color;
    bool is_styled = style->color && (*color != '\0' || *weight != '\0');
    bool is_isolated = style->width > 0 && utf8_is_right_to_left(c->text);
    const char *end;
    int size = (int)utf8_fit(c->text, &width, &end);

    if (is_styled)
        (void)fprintf(out, "\033[%s%s%sm", weight, *weight != '\0' && *color != '\0' ? ";" : "", color);
    (void)fprintf(out, "%s%.*s%s%s%s", is_isolated ? first_strong_isolate : "", size, c->text, end,
                  is_isolated ? pop_isolate : "", is_styled ? "\033[0m" : "");
    return width;
}

/* Prints one line, cut at the terminal's edge, without blanks at the end. */
static void print_line(FILE *out, const cell cells[COLUMN_COUNT], const layout *l, const table_style *style,
                       const char *weight)
{
    int blanks = 0;
    int left = style->width > 0 ? style->width : INT32_MAX;

    for (size_t i = 0; i < l->columns.count && left > blanks; i++) {
        const cell *c = &cells[l->columns.at[i]];
        int width = l->widths[l->columns.at[i]];
        int printed = 0;

        if (c->text[0] != '\0') {
            (void)fprintf(out, "%*s", blanks, "");
            left -= blanks;
            blanks = 0;
            printed = print_cell(out, c, width < left ? width : left, style, weight);
            left -= printed;
        }
        blanks += width - printed + GAP;
    }
    (void)fputs(style->line_end, out);
}

/* Prints the name or else the id, and below it the state. */
static void print_stacked(FILE *out, const cell cells[COLUMN_COUNT], const layout *l, const table_style *style,
                          const char *weight)
{
    layout one = *l;
    table_style indented = *style;

    one.columns.count = 1;
    print_line(out, cells, &one, style, weight);
    one.columns.at[0] = COLUMN_STATE;
    indented.width -= style->width > 1; /* 0 would be unlimited */
    (void)fputc(' ', out);
    print_line(out, cells, &one, &indented, weight);
}

static void print_row(FILE *out, const row *r, const layout *l, const table_style *style, int64_t now_ms)
{
    const char *weight = style->is_stale ? "2" : r->has_changed ? "1" : "";
    cell cells[COLUMN_COUNT] = {{.color = ""}};

    for (size_t i = 0; i < l->columns.count; i++)
        fill(r, l->columns.at[i], style, now_ms, &cells[l->columns.at[i]]);
    if (l->is_stacked)
        print_stacked(out, cells, l, style, weight);
    else
        print_line(out, cells, l, style, weight);
}

static void print_headings(FILE *out, const layout *l, const table_style *style)
{
    cell cells[COLUMN_COUNT];

    for (int column = 0; column < COLUMN_COUNT; column++) {
        cells[column].color = "";
        (void)snprintf(cells[column].text, CELL_SIZE, "%s", headings[column]);
    }
    print_line(out, cells, l, style, "1");
}

static void print_note(FILE *out, const char *text, const table_style *style)
{
    (void)fprintf(out, "%.*s%s", style->width > 0 ? style->width : INT32_MAX, text, style->line_end);
}

/* Returns how many locks are shown: all if they fit, else one line less, to count the others. */
static size_t count_shown(const rows *r, size_t lines, size_t lines_each)
{
    size_t fit = lines / lines_each;

    if (r->count <= fit)
        return r->count;
    return fit > 1 ? (lines - 1) / lines_each : fit;
}

void table_print(FILE *out, const rows *r, const table_style *style)
{
    int64_t now_ms = unix_now_ms();
    layout l = {.is_stacked = false};
    size_t lines_each;
    size_t shown;
    size_t printed = 0;
    char more[32];

    lay_out(&l, r, style, now_ms);
    lines_each = l.is_stacked ? 2 : 1;
    shown = count_shown(r, style->lines, lines_each);
    if (style->headings && !l.is_stacked)
        print_headings(out, &l, style);
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        for (size_t i = 0; i < r->count && printed < shown; i++) {
            if (shown == r->count || row_rank_of(&r->at[i]) == (row_rank)rank) {
                print_row(out, &r->at[i], &l, style, now_ms);
                printed++;
            }
        }
    }
    if (r->count == 0 && style->lines > 0)
        print_note(out, "no locks", style);
    if (shown < r->count && style->lines > shown * lines_each) {
        (void)snprintf(more, sizeof more, "and %zu more", r->count - shown);
        print_note(out, more, style);
    }
}
