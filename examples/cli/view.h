/* The live table of --watch, redrawn in place on the whole terminal. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "options.h"
#include "rows.h"
#include "signals.h"

typedef struct view view;

/* Returns NULL if memory ran out. */
view *view_new(const options *o, bool color);

/* Returns the callbacks for signals_begin(). */
signals_screen view_signals(view *v);

/* Enters the alternate screen, without cursor and echo. Call it after signals_begin(). Returns false if no file
   descriptor is available. */
bool view_open(view *v);

/* Copies the current results of the watch. `directory` has the names (NULL: no names), borrowed until the next call or
   view_free(). `changes`, the last ones, are transferred; NULL: no changes. Returns false if memory ran out. */
bool view_update(view *v, const lock_sync_watch *w, const lock_sync_directory *directory, lock_sync_changes *changes);

/* Sets the lines above the table: the problem (copied; "": no problem) and the time of the next poll. */
void view_set_problem(view *v, const char *problem, int64_t due_ms);

/* Returns false if the terminal could not be written. Output stopped by Ctrl-S is not an error: the next call redraws.
   */
bool view_draw(view *v);

/* Leaves the alternate screen, and prints the table again, so that the last state stays visible. */
void view_close(view *v);

/* Frees the view. Must be called after signals_end(). */
void view_free(view *v);

#endif
