/* The alternate screen of the terminal. No function blocks for long, even if Ctrl-S stops the output or nobody reads
   it. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

typedef struct screen {
    int fd;        /* to write, and to read keys */
    bool is_saved; /* `saved` is valid */
    struct termios saved;
} screen;

/* Returns false if no file descriptor is available. */
bool screen_open(screen *s);
void screen_close(screen *s);

/* Switch to the alternate screen without echo, and back. */
void screen_enter(screen *s);
void screen_leave(screen *s);

/* Returns false if the terminal is gone. Drops the rest if the terminal takes no bytes for a while. */
bool screen_write(const screen *s, const char *bytes, size_t size);

/* Returns the terminal's size, or 24 lines of 80 columns if it is unknown. */
void screen_size(const screen *s, int *lines, int *columns);

#endif
