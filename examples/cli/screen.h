/* The terminal as a screen of one's own. Nothing here waits for long: a terminal may be held (Ctrl-S), or nobody may
   read what is written to it. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

typedef struct screen {
    int fd;
    bool is_saved; /* what follows */
    struct termios as_it_was;
} screen;

/* false when there is no file descriptor for it. */
bool screen_open(screen *s);
void screen_close(screen *s);

void screen_take(screen *s);
void screen_give_back(screen *s);

/* false when the terminal is gone. What it did not take for a while is left out. */
bool screen_write(const screen *s, const char *bytes, size_t size);

/* Its size; 24 lines of 80 columns where it does not know. */
void screen_size(const screen *s, int *lines, int *columns);

#endif
