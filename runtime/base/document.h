/* Documents in JSON as the result of a command. */
#ifndef SKLC_DOCUMENT_H
#define SKLC_DOCUMENT_H

#include "compiler/base/json.h"

#include <stdio.h>

struct report;

/* Prints a document in one line, or indented, and frees it. -EIO after a message. */
int document_print(struct report *report, json_t *root, FILE *out);
int document_print_indented(struct report *report, json_t *root, FILE *out);

#endif
