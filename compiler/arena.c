/* A list of blocks, each twice the last until they are large; an allocation moves a mark. */
#include "arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 1 << 14, LARGEST_BLOCK = 1 << 22 };

struct block {
	struct block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks;
	size_t bytes;
};

static _Noreturn void out_of_memory(void)
{
	fputs("sklc: out of memory\n", stderr);
	exit(3);
}

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		out_of_memory();
	return arena;
}

void arena_free(struct arena *arena)
{
	struct block *block, *next;

	if (!arena)
		return;
	for (block = arena->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

/* A fresh block of at least SIZE bytes; calloc gives large ones zeroed for nothing. */
static struct block *add_block(struct arena *arena, size_t size)
{
	size_t block_size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
	struct block *block;

	if (block_size > LARGEST_BLOCK)
		block_size = LARGEST_BLOCK;
	if (block_size < size)
		block_size = size;
	block = calloc(1, sizeof(*block) + block_size);
	if (!block)
		out_of_memory();
	block->size = block_size;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct block *block = arena->blocks;
	size_t bytes;
	void *memory;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		out_of_memory();
	bytes = (bytes + align - 1) & ~(align - 1);
	if (!block || block->size - block->used < bytes)
		block = add_block(arena, bytes);
	memory = block->bytes + block->used;
	block->used += bytes;
	arena->bytes += bytes;
	return memory;
}

void *arena_grow(struct arena *arena, const void *array, size_t count, size_t grown, size_t size)
{
	void *larger = arena_alloc(arena, grown, size);

	if (count)
		memcpy(larger, array, count * size);
	return larger;
}

size_t arena_grown_capacity(size_t *capacity)
{
	*capacity = *capacity ? *capacity * 2 : 16;
	return *capacity;
}

char *arena_string(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1, 1);

	if (length)
		memcpy(copy, text, length);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	text = arena_alloc(arena, (size_t)length + 1, 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

size_t arena_bytes(const struct arena *arena)
{
	return arena->bytes;
}
