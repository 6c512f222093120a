/* Finds the process that holds a file's lock, for the message of a process that waits for it. */
#ifndef SKLC_HOLDER_H
#define SKLC_HOLDER_H

#include <stddef.h>

/* Writes "process 123 (sklc)", or "another process" if the kernel does not show it. */
void lock_holder(int fd, char *text, size_t size);

#endif
