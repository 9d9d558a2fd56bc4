/* Standard output, with every write error reported. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/* Opens standard descriptors that were closed at the start, so that no socket or file gets their number. Writing to
   them fails. */
void output_reserve_descriptors(void);

/* Return EXIT_DONE, or report an error and return EXIT_OUTPUT. */
int output_flush(void);
int output_close(void);

/* Ends the command as a write to a closed pipe would: by SIGPIPE, or if that is ignored with EXIT_OUTPUT. */
int output_broken_pipe(void);

#endif
