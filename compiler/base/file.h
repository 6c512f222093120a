/* Reads and writes whole files. */
#ifndef SKLC_FILE_H
#define SKLC_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a file so that at any time PATH names either the old bytes or all of the new: writes another file
 * beside it and renames that. A symbolic link at PATH is replaced, not followed; devices and pipes are written
 * to; "-" and "/dev/stdout" are standard output. 0, or -1 with errno set. */
int file_write(const char *path, const void *bytes, size_t size);

/* The bytes of a file, which the caller frees; NULL with errno set. */
unsigned char *file_read(const char *path, size_t *size);

#endif
