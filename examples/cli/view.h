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

/* Takes the terminal: another screen, no cursor, no echo. Signals must be awaited by then. false when there is no file
   descriptor for it. */
bool view_open(view *v);

/* Takes what the watch knows at this moment. `changes`: the last ones, transferred; NULL: there were none. false when
   memory ran out. */
bool view_take(view *v, const lock_sync_watch *w, lock_sync_changes *changes);

/* What stands above the table: what keeps responses from coming (copied; "" for nothing), and when the next poll is. */
void view_note(view *v, const char *trouble, int64_t due_ms);

/* false when the terminal could not be written. One that is held (Ctrl-S) is drawn again the next time. */
bool view_draw(view *v);

/* Gives the terminal back, and prints the table there once more, so that the last state stays to be read. */
void view_close(view *v);

/* After signals_end(). */
void view_free(view *v);

#endif
