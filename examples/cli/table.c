#include "table.h"

#include "cells.h"

#include <inttypes.h>
#include <string.h>

#define GAP 2

enum { ID, STATE, DOOR, BATTERY, CHARGING, CONNECTED, CHANGED, COLUMNS };

static const char *const headings[COLUMNS] = {"ID", "STATE", "DOOR", "BATTERY", "CHARGING", "CONNECTED", "CHANGED"};

/* What is left out first where the terminal is narrow. Whether a lock is locked and in reach stays to the end. */
static const int leaving[] = {CHARGING, CHANGED, BATTERY, DOOR};

static void fill(const row *r, int column, bool age, int64_t now_ms, cell *c)
{
    c->color = "";
    c->text[0] = '\0';
    if (column == ID) {
        (void)snprintf(c->text, sizeof c->text, "%" PRId64, r->lock.id);
    } else if (!r->answered) {
        if (column == STATE) {
            (void)snprintf(c->text, sizeof c->text, "not answered");
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

/* widths[column]: 0 for one that is left out. */
static void measure(const rows *r, const table_style *style, int64_t now_ms, int widths[COLUMNS])
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
    for (size_t i = 0; i < sizeof leaving / sizeof leaving[0] && style->width > 0 && total > style->width; i++) {
        total -= widths[leaving[i]] + GAP;
        widths[leaving[i]] = 0;
    }
}

/* One line; what passes the terminal's edge is cut. Blanks stand between cells, none at the end. */
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

void table_print(FILE *out, const rows *r, const table_style *style)
{
    int64_t now_ms = unix_now_ms();
    size_t shown = r->count <= style->rows_max ? r->count : style->rows_max > 0 ? style->rows_max - 1 : 0;
    int widths[COLUMNS] = {0};
    cell cells[COLUMNS];

    measure(r, style, now_ms, widths);
    for (int column = 0; column < COLUMNS; column++) {
        cells[column].color = "";
        (void)snprintf(cells[column].text, CELL_SIZE, "%s", headings[column]);
    }
    print_line(out, cells, widths, style, "1");
    for (size_t i = 0; i < shown; i++) {
        for (int column = 0; column < COLUMNS; column++)
            fill(&r->at[i], column, style->age, now_ms, &cells[column]);
        print_line(out, cells, widths, style, r->at[i].fresh ? "1" : "");
    }
    if (r->count == 0)
        (void)fprintf(out, "no locks%s", style->line_end);
    else if (shown < r->count && style->rows_max > 0)
        (void)fprintf(out, "and %zu more%s", r->count - shown, style->line_end);
}
