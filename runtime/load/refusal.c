/* Reads the verifier's log: a line for each instruction that it walked ("55: (61) r1 = *(u32 *)(r7 +0)", with the
 * registers after a semicolon since Linux 6.0), below the last one the reason, then "processed N insns". What it
 * refuses before it walks is named by the number alone ("unreachable insn 7"). */
#include "refusal.h"

#include "line_info.h"
#include "loader.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/object/object.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LOG_LINES_SHOWN = 40, REASON_LINES = 6 };

static const char TOO_LARGE[] = "BPF program is too large.";

/* What a log says of why it ends. */
struct verdict {
	size_t number;    /* of the instruction; SIZE_MAX: not known */
	const char *text; /* the instruction, as the kernel writes it; NULL: not walked */
	size_t length;
	const char *reason, *end; /* lines [reason, end) */
	bool is_whole;            /* the log goes to its end */
};

static const char *next_line(const char *line)
{
	const char *newline = strchr(line, '\n');

	return newline ? newline + 1 : line + strlen(line);
}

/* Whether a line is an instruction: where its text begins. */
static bool is_instruction(const char *line, size_t *number, const char **text)
{
	char *end;

	if (!isdigit((unsigned char)*line))
		return false;
	*number = strtoul(line, &end, 10);
	if (strncmp(end, ": (", 3) != 0 || !isxdigit((unsigned char)end[3]) ||
	    !isxdigit((unsigned char)end[4]) || strncmp(end + 5, ") ", 2) != 0)
		return false;
	*text = end + 7;
	return true;
}

/* The text of an instruction goes to the registers, or to the line's end. */
static size_t text_length(const char *text)
{
	size_t length = strcspn(text, ";\n");

	while (length && text[length - 1] == ' ')
		length--;
	return length;
}

/* The last lines of [from, end). */
static const char *last_lines(const char *from, const char *end, int count)
{
	const char *start = end > from ? end - 1 : end;

	for (; start > from; start--)
		if (start[-1] == '\n' && --count == 0)
			break;
	return start;
}

static struct verdict read_log(const char *log)
{
	struct verdict verdict = {.number = SIZE_MAX, .reason = log, .end = log + strlen(log)};
	const char *line, *text, *named;
	size_t number;

	for (line = log; *line; line = next_line(line)) {
		if (is_instruction(line, &number, &text)) {
			verdict.number = number;
			verdict.text = text;
			verdict.length = text_length(text);
			verdict.reason = next_line(line);
		} else if (strncmp(line, "processed ", strlen("processed ")) == 0) {
			verdict.end = line;
			verdict.is_whole = true;
		}
	}
	verdict.reason = last_lines(verdict.reason, verdict.end, verdict.text ? REASON_LINES : 1);
	named = strstr(verdict.reason, " insn ");
	if (!verdict.text && named && isdigit((unsigned char)named[strlen(" insn ")]))
		verdict.number = strtoul(named + strlen(" insn "), NULL, 10);
	return verdict;
}

/* The instruction, the reason, and the log's end if it is asked for; the caller frees. */
static char *describe(const struct verdict *verdict, const char *log, bool verbose)
{
	const char *end = log + strlen(log);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (verdict->text)
		fprintf(out, "instruction %zu: %.*s\n", verdict->number, (int)verdict->length,
			verdict->text);
	fwrite(verdict->reason, 1, (size_t)(verdict->end - verdict->reason), out);
	if (verbose)
		fprintf(out, "the verifier's log ends:\n%s", last_lines(log, end, LOG_LINES_SHOWN));
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static int say_where(const struct object *object, const struct btf *types, int error,
		     const struct verdict *verdict, const char *details)
{
	struct rules_line line = {0};
	struct line_info info;

	if (verdict->number == SIZE_MAX)
		return refuse_with(object->report, error, &(struct message){.details = details},
				   "'%s' is refused by the kernel's verifier", object->image->name);
	if (!line_info_find(object, types, verdict->number, &info))
		return refuse_with(object->report, error, &(struct message){.details = details},
				   "'%s' is refused by the kernel's verifier, in what serves all "
				   "rules",
				   object->image->name);
	if (rules_line_read(object, info.file, info.line, &line))
		return -abs(error);
	excerpt_mark(&line.excerpt, info.text);
	error = refuse_with(object->report, error,
			    &(struct message){.details = details, .excerpt = &line.excerpt},
			    "refused by the kernel's verifier");
	rules_line_free(&line);
	return error;
}

/* What came before the verifier, or speaks of no instruction. */
static int say_without_line(const struct object *object, int error, const char *details)
{
	const struct message message = {.details = details};
	const char *name = object->image->name;

	switch (abs(error)) {
	case EINVAL:
		return refuse(object->report, error,
			      "cannot load '%s': invalid argument; this kernel may lack the "
			      "sk_lookup hook: Linux 5.9 or later is needed",
			      name);
	case E2BIG:
		return refuse_with(object->report, error, &message,
				   "'%s' is refused by the kernel's verifier: it has more ways "
				   "than the million instructions that are walked at most",
				   name);
	case ENOSPC:
		return refuse_with(object->report, error, &message,
				   "'%s' is refused by the kernel's verifier, and the log that "
				   "says why is longer than the %d MiB kept of it",
				   name, LOADER_LOG_BYTES >> 20);
	default:
		return caps_fail(object->report, error, caps_for_load, "load '%s' into the kernel",
				 name);
	}
}

/* The verifier gives up after a million instructions, wherever that is. */
static bool is_too_large(int error, const struct verdict *verdict)
{
	return abs(error) == E2BIG || strncmp(verdict->reason, TOO_LARGE, strlen(TOO_LARGE)) == 0;
}

int refusal_report(const struct object *object, const struct btf *types, int error, const char *log,
		   bool verbose)
{
	struct verdict verdict = read_log(log);
	bool has_reason = *log && abs(error) != EPERM && (abs(error) != ENOSPC || verdict.is_whole);
	autofree char *details = has_reason || (*log && verbose) ? describe(&verdict, log, verbose)
								 : NULL;

	if (is_too_large(error, &verdict))
		return say_without_line(object, -E2BIG, details);
	if (has_reason)
		return say_where(object, types, error, &verdict, details);
	return say_without_line(object, error, details);
}
