#include "table.h"

#include "cells.h"
#include "moment.h"

#include <inttypes.h>
#include <string.h>

#define GAP 2

enum { ID, STATE, DOOR, BATTERY, CHARGING, CONNECTED, CHANGED, COLUMNS };

static const char *const headings[COLUMNS] = {"ID", "STATE", "DOOR", "BATTERY", "CHARGING", "CONNECTED", "CHANGED"};

/* The columns that a narrow terminal drops, in this order. State and connection stay. */
static const int dropped_first[] = {CHARGING, CHANGED, BATTERY, DOOR};

static void fill(const row *r, int column, bool age, int64_t now_ms, cell *c)
{
    c->color = "";
    c->text[0] = '\0';
    if (column == ID) {
        (void)snprintf(c->text, sizeof c->text, "%" PRId64, r->lock.id);
    } else if (!r->is_found) {
        if (column == STATE) {
            (void)snprintf(c->text, sizeof c->text, "not found");
            c->color = "31";
        }
    } else {
        switch (column) {
        case STATE: cell_state(&r->lock, c); break;
        case DOOR: cell_door(&r->lock, c); break;
        case BATTERY: cell_battery(&r->lock, c); break;
        case CHARGING: cell_charging(&r->lock, c); break;
        case CONNECTED: cell_connected(&r->lock, c); break;
        default:
            if (age)
                cell_age(&r->lock, now_ms, c);
            else
                cell_changed(&r->lock, c);
        }
    }
}

/* Fills `widths`, with 0 for a dropped column. Returns whether states are below their ids, because a truncated state
   could be read as another state. */
static bool measure(const rows *r, const table_style *style, int64_t now_ms, int widths[COLUMNS])
{
    int total = -GAP;

    for (int column = 0; column < COLUMNS; column++) {
        widths[column] = (int)strlen(headings[column]);
        for (size_t i = 0; i < r->count; i++) {
            cell c;

            fill(&r->at[i], column, style->age, now_ms, &c);
            if ((int)strlen(c.text) > widths[column])
                widths[column] = (int)strlen(c.text);
        }
        total += widths[column] + GAP;
    }
    for (size_t i = 0; i < sizeof dropped_first / sizeof dropped_first[0] && style->width > 0 && total > style->width;
         i++) {
        total -= widths[dropped_first[i]] + GAP;
        widths[dropped_first[i]] = 0;
    }
    return style->width > 0 && widths[ID] + GAP + widths[STATE] > style->width;
}

/* Prints one line, cut at the terminal's edge, without blanks at the end. */
static void print_line(FILE *out, const cell cells[COLUMNS], const int widths[COLUMNS], const table_style *style,
                       const char *weight)
{
    int blanks = 0;
    int left = style->width > 0 ? style->width : INT32_MAX;

    for (int column = 0; column < COLUMNS && left > blanks; column++) {
        const cell *c = &cells[column];
        int length = (int)strlen(c->text);
        bool colored = style->color && (*c->color != '\0' || *weight != '\0');

        if (widths[column] == 0)
            continue;
        if (length > 0) {
            (void)fprintf(out, "%*s", blanks, "");
            left -= blanks;
            blanks = 0;
            if (colored)
                (void)fprintf(out, "\033[%s%s%sm", weight, *weight != '\0' && *c->color != '\0' ? ";" : "", c->color);
            (void)fprintf(out, "%.*s%s", left, c->text, colored ? "\033[0m" : "");
            left -= length;
        }
        blanks += widths[column] - length + GAP;
    }
    (void)fputs(style->line_end, out);
}

static void print_stacked(FILE *out, const cell cells[COLUMNS], const table_style *style, const char *weight)
{
    static const int both[][COLUMNS] = {{[ID] = 1}, {[STATE] = 1}};

    table_style indented = *style;

    indented.width -= style->width > 1; /* 0 would be unlimited */
    print_line(out, cells, both[0], style, weight);
    (void)fputc(' ', out);
    print_line(out, cells, both[1], &indented, weight);
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
    int widths[COLUMNS] = {0};
    bool is_stacked = measure(r, style, now_ms, widths);
    size_t lines_each = is_stacked ? 2 : 1;
    size_t shown = count_shown(r, style->lines, lines_each);
    cell cells[COLUMNS];
    char more[32];

    for (int column = 0; column < COLUMNS; column++) {
        cells[column].color = "";
        (void)snprintf(cells[column].text, CELL_SIZE, "%s", headings[column]);
    }
    if (style->headings && !is_stacked)
        print_line(out, cells, widths, style, "1");
    for (size_t i = 0; i < shown; i++) {
        const char *weight = r->at[i].has_changed ? "1" : "";

        for (int column = 0; column < COLUMNS; column++)
            fill(&r->at[i], column, style->age, now_ms, &cells[column]);
        if (is_stacked)
            print_stacked(out, cells, style, weight);
        else
            print_line(out, cells, widths, style, weight);
    }
    if (r->count == 0 && style->lines > 0)
        print_note(out, "no locks", style);
    if (shown < r->count && style->lines > shown * lines_each) {
        (void)snprintf(more, sizeof more, "and %zu more", r->count - shown);
        print_note(out, more, style);
    }
}
