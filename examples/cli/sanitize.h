/* Makes text from the network safe for a terminal. */
#ifndef CLI_SANITIZE_H
#define CLI_SANITIZE_H

/* Replaces by spaces, in place: control characters, marks of direction, zero-width characters, modifiers of emoji,
   and bytes that are not UTF-8. */
void sanitize(char *text);

#endif
