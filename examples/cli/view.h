/* The live table of --watch: the whole terminal, drawn anew in place. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "options.h"
#include "rows.h"
#include "signals.h"

typedef struct view view;

/* NULL when memory ran out. */
view *view_new(const options *o, bool color);

/* What signals_begin() takes. */
signals_screen view_signals(view *v);

/* Takes the terminal: another screen, no cursor, no echo. Signals must be awaited by then. */
void view_open(view *v);

/* Takes changes over. false when memory ran out. */
bool view_apply(view *v, const lock_sync_changes *changes);

/* What stands above the table, taken at this moment: age and next poll of the watch, and what keeps it from answers. */
void view_note(view *v, const lock_sync_watch *w, lock_sync_status trouble);

/* false when the terminal could not be written. */
bool view_draw(view *v);

/* Gives the terminal back, and prints the table there once more, so that the last state stays to be read. */
void view_close(view *v);

/* After signals_end(). */
void view_free(view *v);

#endif
