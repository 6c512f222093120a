/* Rules read files where they say `file "NAME"` or `include "NAME"`. */
#include "bundle.h"

#include <stdlib.h>
#include <string.h>

/* The next line that begins a file, or the end of the text. */
static const char *next_mark(const char *text)
{
	const char *at = strstr(text, "\n" BUNDLE_MARK);

	return at ? at + 1 : text + strlen(text);
}

static void add_file(struct bundle *bundle, const char *name, size_t name_length, const char *text,
		     const char *end)
{
	size_t i = bundle->count;

	if (i == BUNDLE_FILES_MAX || name_length >= BUNDLE_NAME_MAX)
		return;
	memcpy(bundle->names[i], name, name_length);
	bundle->names[i][name_length] = '\0';
	bundle->files[i] = (struct memory_file){bundle->names[i], text, (size_t)(end - text)};
	bundle->count++;
}

void bundle_split(struct bundle *bundle, const char *text)
{
	const char *end = next_mark(text);

	bundle->count = 0;
	add_file(bundle, "rules.conf", strlen("rules.conf"), text, end);
	while (*end) {
		const char *name = end + strlen(BUNDLE_MARK), *line = name + strcspn(name, "\n");

		end = next_mark(line);
		add_file(bundle, name, (size_t)(line - name), *line ? line + 1 : line, end);
	}
}

static const struct memory_file *find(const struct bundle *bundle, const char *name, size_t length)
{
	size_t i;

	for (i = 1; i < bundle->count; i++)
		if (strlen(bundle->names[i]) == length && !memcmp(bundle->names[i], name, length))
			return &bundle->files[i];
	return NULL;
}

/* The name in quotes that stands behind a word at AT, or NULL. */
static const char *named_behind(const char *at, const char *word)
{
	size_t length = strlen(word);

	return strncmp(at, word, length) ? NULL : at + length;
}

/* Lists a file and then those that it reads, in the order in which the compiler reads them. */
static void list(const struct bundle *bundle, const struct memory_file *file, struct bundle *read)
{
	const char *at, *name;

	if (read->count == BUNDLE_FILES_MAX)
		return;
	read->files[read->count++] = *file;
	for (at = file->text; at < file->text + file->length; at++) {
		const struct memory_file *next;

		name = named_behind(at, "file \"");
		name = name ? name : named_behind(at, "include \"");
		next = name ? find(bundle, name, strcspn(name, "\"\n")) : NULL;
		if (next)
			list(bundle, next, read);
	}
}

bool bundle_compile(struct compilation *c, const char *text, struct compile_options options,
		    enum stage last)
{
	struct bundle all, read = {.count = 0};

	bundle_split(&all, text);
	list(&all, &all.files[0], &read);
	options.memory = read.files;
	options.memory_count = read.count;
	return compile(c, &options, last);
}

bool bundle_write(const char *text, const char *folder, const char *comment)
{
	struct bundle bundle;
	bool good = true;
	size_t i;

	bundle_split(&bundle, text);
	for (i = 0; good && i < bundle.count; i++) {
		char *path = NULL;
		FILE *out;

		if (asprintf(&path, "%s/%s", folder, bundle.names[i]) < 0)
			abort();
		out = fopen(path, "w");
		free(path);
		if (!out)
			return false;
		fputs(i ? "" : comment, out);
		fwrite(bundle.files[i].text, 1, bundle.files[i].length, out);
		good = !fclose(out);
	}
	return good;
}
