/* Pieces of a text that can be left out are found by its braces, commas and line ends alone. Many texts that are
 * tried mean nothing; that they do not fail in the same way is for the caller to say. */
#include "shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounds over all levels; words that are left out together. */
enum { ROUNDS_MAX = 6, WORDS_TOGETHER = 4 };

/* LINES: whole ones, also in a block. ELEMENTS: what a comma ends, and what stands behind the last. */
enum level { STATEMENTS, LINES, ELEMENTS, WORDS };

struct piece {
	size_t first, end; /* bytes of the text */
};

struct pieces {
	struct piece *items;
	size_t count;
};

struct shrinker {
	char *text; /* the smallest so far that fails */
	bool (*fails)(void *data, const char *text);
	void *data;
	struct pieces pieces; /* of the text */
};

void shrink_list(bool *kept, size_t count, bool (*enough)(void *data, const bool *kept), void *data)
{
	bool *tried = calloc(count + 1, sizeof(*tried));
	size_t size = count, first, i;
	bool smaller = false;

	while (tried && size) {
		for (first = 0; first < count; first += size) {
			bool drops = false;

			memcpy(tried, kept, count * sizeof(*tried));
			for (i = first; i < count && i < first + size; i++) {
				drops |= tried[i];
				tried[i] = false;
			}
			if (!drops || !enough(data, tried))
				continue;
			memcpy(kept, tried, count * sizeof(*tried));
			smaller = true;
		}
		/* Once more with single pieces, as long as some can be left out. */
		size = size > 1 ? (size + 1) / 2 : smaller;
		if (size == 1)
			smaller = false;
	}
	free(tried);
}

/* How far a string in quotes or a comment at AT goes; 0 if there is none. */
static size_t skipped(const char *at)
{
	size_t length;

	if (*at == '#')
		return strcspn(at, "\n");
	if (*at != '"')
		return 0;
	length = 1 + strcspn(at + 1, "\"\n");
	return at[length] == '"' ? length + 1 : length;
}

static void add_piece(struct shrinker *s, size_t first, size_t end)
{
	if (first == end)
		return;
	s->pieces.items = realloc(s->pieces.items, (s->pieces.count + 1) * sizeof(struct piece));
	if (!s->pieces.items)
		abort();
	s->pieces.items[s->pieces.count++] = (struct piece){first, end};
}

static void find_words(struct shrinker *s)
{
	const char *text = s->text;
	size_t at = 0, first;

	while (text[at]) {
		at += strspn(text + at, " \t\n,");
		for (first = at; text[at] && !strchr(" \t\n,", text[at]);)
			at += skipped(text + at) ? skipped(text + at) : 1;
		add_piece(s, first, at);
	}
}

static bool ends_piece(enum level level, char c, int depth, int depth_before)
{
	switch (level) {
	case STATEMENTS:
		return c == '\n' && depth == 0;
	case LINES:
		return c == '\n' && depth == depth_before;
	default:
		return depth > 0 && (c == ',' || c == '{' || c == '}');
	}
}

/* An element ends with its comma, or before the brace that ends the list. */
static void find_pieces(struct shrinker *s, enum level level)
{
	size_t at = 0, first = 0, skip;
	int depth = 0, depth_before = 0;

	s->pieces.count = 0;
	if (level == WORDS) {
		find_words(s);
		return;
	}
	for (; s->text[at]; at++) {
		char c = s->text[at];

		skip = skipped(s->text + at);
		if (skip) {
			at += skip - 1;
			continue;
		}
		depth += c == '{';
		if (ends_piece(level, c, depth - (c == '}' && level != ELEMENTS), depth_before)) {
			if (c != '{')
				add_piece(s, first, c == '}' ? at : at + 1);
			first = at + 1;
		} else if (c == '\n' && level == LINES) {
			first = at + 1;
		}
		depth -= c == '}';
		depth_before = c == '\n' ? depth : depth_before;
	}
}

/* The text without the pieces that are not kept. */
static char *text_of(const struct shrinker *s, const bool *kept)
{
	char *text = malloc(strlen(s->text) + 1), *to = text;
	size_t from = 0, i;

	if (!text)
		abort();
	for (i = 0; i < s->pieces.count; i++) {
		const struct piece *piece = &s->pieces.items[i];

		memcpy(to, s->text + from, piece->first - from);
		to += piece->first - from;
		if (kept[i]) {
			memcpy(to, s->text + piece->first, piece->end - piece->first);
			to += piece->end - piece->first;
		}
		from = piece->end;
	}
	strcpy(to, s->text + from);
	return text;
}

static bool is_enough(void *data, const bool *kept)
{
	const struct shrinker *s = data;
	char *text = text_of(s, kept);
	bool fails = s->fails(s->data, text);

	free(text);
	return fails;
}

static bool *all_kept(const struct shrinker *s)
{
	bool *kept = malloc(s->pieces.count + 1);

	if (!kept)
		abort();
	memset(kept, true, s->pieces.count);
	return kept;
}

static void shrink_level(struct shrinker *s, enum level level)
{
	char *text;
	bool *kept;

	find_pieces(s, level);
	kept = all_kept(s);
	shrink_list(kept, s->pieces.count, is_enough, s);
	text = text_of(s, kept);
	free(kept);
	free(s->text);
	s->text = text;
}

/* Takes TEXT if it fails; frees it if not. */
static bool take(struct shrinker *s, char *text)
{
	if (!s->fails(s->data, text)) {
		free(text);
		return false;
	}
	free(s->text);
	s->text = text;
	return true;
}

/* Leaves out words that stand beside each other, as a match and its value do. */
static void shrink_words(struct shrinker *s, size_t together)
{
	size_t first = 0;

	for (;;) {
		bool *kept;

		find_pieces(s, WORDS);
		if (first + together > s->pieces.count)
			return;
		kept = all_kept(s);
		memset(kept + first, false, together);
		if (!take(s, text_of(s, kept)))
			first++;
		free(kept);
	}
}

/* Writes a list of one element without braces. */
static void unwrap(struct shrinker *s)
{
	size_t at, end;

	for (at = 0; s->text[at]; at++) {
		char *text;

		end = at + 1 + strcspn(s->text + at + 1, "{}\n");
		if (s->text[at] != '{' || s->text[end] != '}')
			continue;
		text = strdup(s->text);
		if (!text)
			abort();
		text[at] = text[end] = ' ';
		if (text[end - 1] == ',')
			text[end - 1] = ' ';
		take(s, text);
	}
}

/* Blanks that stand beside each other become one, empty lines none. */
static void tidy(struct shrinker *s)
{
	char *text = malloc(strlen(s->text) + 1), *to = text;
	const char *at;

	if (!text)
		abort();
	for (at = s->text; *at; at++) {
		bool is_first = to == text || to[-1] == '\n';

		if ((*at == ' ' && (is_first || to[-1] == ' ')) || (*at == '\n' && is_first))
			continue;
		if (*at == '\n' && to[-1] == ' ')
			to--;
		*to++ = *at;
	}
	*to = '\0';
	take(s, text);
}

char *shrink_text(const char *text, bool (*fails)(void *data, const char *text), void *data)
{
	struct shrinker s = {strdup(text), fails, data, {NULL, 0}};
	size_t before = 0, together;
	unsigned round;

	if (!s.text)
		abort();
	for (round = 0; round < ROUNDS_MAX && strlen(s.text) != before; round++) {
		before = strlen(s.text);
		shrink_level(&s, STATEMENTS);
		shrink_level(&s, LINES);
		shrink_level(&s, ELEMENTS);
		for (together = WORDS_TOGETHER; together > 0; together--)
			shrink_words(&s, together);
		unwrap(&s);
		tidy(&s);
	}
	free(s.pieces.items);
	return s.text;
}
