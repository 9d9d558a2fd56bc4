/* Texts of others on a terminal. */
#ifndef CLI_DISARM_H
#define CLI_DISARM_H

/* Replaces by spaces, in place, what a terminal would obey or what changes how the text around it reads: control
   characters, marks of direction, characters without width, and bytes that are no UTF-8. */
void disarm(char *text);

#endif
