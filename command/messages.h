/* Prints the messages of a session to standard error. */
#ifndef SKLC_MESSAGES_H
#define SKLC_MESSAGES_H

#include "session.h"

/* Queues a message of the runtime, as struct report wants it. */
bool take_message(struct report *report, const struct message *message);

/* Prints messages so far as text. JSON is printed at the end, as one document. */
void say(const struct session *s);

/* Prints what is left of the messages. With --json there is always a document, except with -q where there is
 * nothing to report. */
void finish_messages(const struct session *s);

/* Reports "cannot TRIED 'WHAT': why"; returns the exit status. */
int system_error(struct session *s, int error, const char *tried, const char *what);

#endif
