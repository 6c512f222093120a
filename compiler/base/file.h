/* Files of bytes: whole ones read, and whole ones written. */
#ifndef SKLC_FILE_H
#define SKLC_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a file so that its name always stands for the old bytes or for all of the new: through a file
 * beside it that then takes its name. A symbolic link at PATH is replaced, not followed; devices and
 * pipes are written to; "-" and "/dev/stdout" are standard output. 0, or -1 with errno set. */
int file_write(const char *path, const void *bytes, size_t size);

/* The bytes of a file, to be freed; NULL with errno set. */
unsigned char *file_read(const char *path, size_t *size);

#endif
