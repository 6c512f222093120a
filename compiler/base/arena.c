/* A list of blocks, each twice as large as the one before up to a limit; an allocation moves a mark in the
 * first. A larger allocation gets a block of its own, behind the first in the list, which can grow where it is. */
#include "arena.h"

#include <ctype.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 1 << 14, LARGEST_BLOCK = 1 << 22, OWN_BLOCK = 1 << 20 };

struct block {
	struct block *next, *before;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks;
	size_t bytes;
};

_Noreturn void arena_out_of_memory(void)
{
	exit(ARENA_EXIT_STATUS);
}

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		arena_out_of_memory();
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

/* Uses calloc, since it gets large blocks from the kernel already zeroed. */
static struct block *new_block(size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		arena_out_of_memory();
	block->size = size;
	return block;
}

/* Adds a block for small allocations at the head of the list. */
static struct block *add_block(struct arena *arena)
{
	size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
	struct block *block = new_block(size > LARGEST_BLOCK ? LARGEST_BLOCK : size);

	block->next = arena->blocks;
	if (block->next)
		block->next->before = block;
	arena->blocks = block;
	return block;
}

static void *add_own_block(struct arena *arena, size_t bytes)
{
	struct block *first = arena->blocks ? arena->blocks : add_block(arena);
	struct block *block = new_block(bytes);

	block->used = bytes;
	block->before = first;
	block->next = first->next;
	if (block->next)
		block->next->before = block;
	first->next = block;
	return block->bytes;
}

static size_t aligned_size(size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		arena_out_of_memory();
	return (bytes + align - 1) & ~(align - 1);
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	size_t bytes = aligned_size(count, size);
	struct block *block = arena->blocks;
	void *memory;

	arena->bytes += bytes;
	if (bytes >= OWN_BLOCK)
		return add_own_block(arena, bytes);
	if (!block || block->size - block->used < bytes)
		block = add_block(arena);
	if (block->size < bytes)
		return add_own_block(arena, bytes);
	memory = block->bytes + block->used;
	block->used += bytes;
	return memory;
}

void *arena_resize(struct arena *arena, void *array, size_t count, size_t grown, size_t size)
{
	size_t before = aligned_size(count, size), bytes = aligned_size(grown, size);
	struct block *block;

	if (before < OWN_BLOCK)
		return arena_grow(arena, array, count, grown, size);
	block = (struct block *)((unsigned char *)array - offsetof(struct block, bytes));
	block = realloc(block, sizeof(*block) + bytes);
	if (!block)
		arena_out_of_memory();
	block->size = block->used = bytes;
	block->before->next = block;
	if (block->next)
		block->next->before = block;
	arena->bytes += bytes - before;
	return block->bytes;
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

char *arena_errno(struct arena *arena, int error)
{
	char *words = arena_printf(arena, "%s", strerror(error));

	if (isupper((unsigned char)words[0]) && islower((unsigned char)words[1]))
		words[0] = (char)tolower((unsigned char)words[0]);
	return words;
}

size_t arena_bytes(const struct arena *arena)
{
	return arena->bytes;
}
