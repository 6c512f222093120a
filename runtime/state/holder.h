/* Who holds a file's lock, by name, for the message to those who wait. */
#ifndef SKLC_HOLDER_H
#define SKLC_HOLDER_H

#include <stddef.h>

/* Writes "process 123 (sklc)", or "another process" where the kernel does not show it. */
void lock_holder(int fd, char *text, size_t size);

#endif
