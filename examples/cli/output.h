/* Standard output: what could not be written is noticed and told. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/* Standard descriptors that were closed at the start are filled, so that no socket or file of ours becomes one: what is
   written there fails. */
void output_hold_descriptors(void);

/* Each returns EXIT_DONE, or complains. */
int output_flush(void);
int output_close(void);

/* Nobody reads the output any more: ends as a write would, by SIGPIPE or, where that is ignored, with a complaint. */
int output_lost(void);

#endif
