/* Prints documents with jansson. */
#include "document.h"

#include "fail.h"

#include <errno.h>

static int print(struct report *report, json_t *root, size_t flags, FILE *out)
{
	int err = json_dumpf(root, out, flags) || fputc('\n', out) == EOF;

	json_decref(root);
	return err ? fail(report, EIO, "write the result") : 0;
}

int document_print(struct report *report, json_t *root, FILE *out)
{
	return print(report, root, JSON_COMPACT, out);
}

int document_print_indented(struct report *report, json_t *root, FILE *out)
{
	return print(report, root, JSON_INDENT(2), out);
}
