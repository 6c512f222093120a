/* Locks a folder. */
#ifndef SKLC_LOCK_H
#define SKLC_LOCK_H

struct report;

/* Waits for the folder's lock for ten seconds at most, or until a signal asks this process to end. WHAT
 * is for messages. -errno after a message. */
int lock_folder(struct report *report, int folder, const char *what);

#endif
