/* The names in a folder. */
#ifndef SKLC_ENTRIES_H
#define SKLC_ENTRIES_H

/* Visits each name but "." and "..", until a visit gives something else than 0, which is returned.
 * -errno without a message if the folder cannot be read to its end. */
int entries_each(int folder, int (*visit)(const char *name, void *argument), void *argument);

#endif
