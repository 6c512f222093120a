/* Objects of the kernel under names in a bpffs folder, and bytes kept there: regular files cannot
 * stand in bpffs, so bytes live in a frozen array map of one value. Folders are named by descriptor,
 * so that nobody can put another folder in their place. Errors are -errno without a message. */
#ifndef SKLC_PINS_H
#define SKLC_PINS_H

#include <stddef.h>

int pin_put(int folder, const char *name, int fd);
int pin_get(int folder, const char *name);

/* 0 also if there is none. */
int pin_remove(int folder, const char *name);

/* Bytes that an mmap of a kernel's map shows. */
struct blob {
	const void *bytes;
	size_t size;
};

/* A map that holds the bytes and can no longer change. */
int blob_create(const char *name, const void *bytes, size_t size);

/* Maps a blob's map for reading. */
int blob_open(int map, struct blob *blob);
int blob_get(int folder, const char *name, struct blob *blob);
void blob_close(struct blob *blob);

#endif
