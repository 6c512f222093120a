/* Lists the names in a folder. */
#ifndef SKLC_ENTRIES_H
#define SKLC_ENTRIES_H

/* Calls VISIT for each name but "." and "..". Stops when VISIT returns something other than 0, and
 * returns that. -errno without a message if the folder cannot be read to its end. */
int entries_each(int folder, int (*visit)(const char *name, void *argument), void *argument);

#endif
