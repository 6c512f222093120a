/* Pins: programs, maps and links of the kernel under names in a bpffs folder. Bytes are pinned too:
 * bpffs has no regular files, so a blob of bytes is a frozen array map of one value. Folders are
 * given by descriptor, so that nobody can replace a folder meanwhile. Errors are -errno without a
 * message. */
#ifndef SKLC_PINS_H
#define SKLC_PINS_H

#include <stddef.h>

int pin_put(int folder, const char *name, int fd);
int pin_get(int folder, const char *name);

/* Returns 0 also if there is no such pin. */
int pin_remove(int folder, const char *name);

/* The bytes of a blob's map, through mmap. */
struct blob {
	const void *bytes;
	size_t size;
};

/* Makes a map that holds the bytes and can no longer change. */
int blob_create(const char *name, const void *bytes, size_t size);

/* Maps for reading the map that is pinned as NAME. */
int blob_get(int folder, const char *name, struct blob *blob);
void blob_close(struct blob *blob);

#endif
