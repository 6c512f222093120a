/* Reads the verifier's log. It has a line for each instruction that was walked, "55: (61) r1 =
 * *(u32 *)(r7 +0)", since Linux 6.0 with the registers after a semicolon; after the last one the
 * reason; then "processed N insns". If the program is refused before the walk, the log gives only
 * the number of the instruction ("unreachable insn 7"). */
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

/* Why the verifier refused the program, as its log says. */
struct refusal {
	size_t number;    /* of the refused instruction; SIZE_MAX: not known */
	const char *text; /* the instruction as the kernel prints it; NULL: it was not walked */
	size_t length;
	const char *reason, *end; /* the reason is the lines [reason, end) */
	bool is_whole;            /* the log was not cut */
};

static const char *next_line(const char *line)
{
	const char *newline = strchr(line, '\n');

	return newline ? newline + 1 : line + strlen(line);
}

/* Whether a line is an instruction. Sets its number, and TEXT to where the instruction begins. */
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

/* Length of an instruction's text, which ends before the registers or at the end of the line. */
static size_t text_length(const char *text)
{
	size_t length = strcspn(text, ";\n");

	while (length && text[length - 1] == ' ')
		length--;
	return length;
}

/* Where the last COUNT lines of [from, end) begin. */
static const char *last_lines(const char *from, const char *end, int count)
{
	const char *start = end > from ? end - 1 : end;

	for (; start > from; start--)
		if (start[-1] == '\n' && --count == 0)
			break;
	return start;
}

static struct refusal read_log(const char *log)
{
	struct refusal refusal = {.number = SIZE_MAX, .reason = log, .end = log + strlen(log)};
	const char *line, *text, *named;
	size_t number;

	for (line = log; *line; line = next_line(line)) {
		if (is_instruction(line, &number, &text)) {
			refusal.number = number;
			refusal.text = text;
			refusal.length = text_length(text);
			refusal.reason = next_line(line);
		} else if (strncmp(line, "processed ", strlen("processed ")) == 0) {
			refusal.end = line;
			refusal.is_whole = true;
		}
	}
	refusal.reason = last_lines(refusal.reason, refusal.end, refusal.text ? REASON_LINES : 1);
	named = strstr(refusal.reason, " insn ");
	if (!refusal.text && named && isdigit((unsigned char)named[strlen(" insn ")]))
		refusal.number = strtoul(named + strlen(" insn "), NULL, 10);
	return refusal;
}

/* The instruction, the reason, and if VERBOSE the end of the log; the caller frees. NULL: there is no
 * memory for all of it. */
static char *describe(const struct refusal *refusal, const char *log, bool verbose)
{
	const char *end = verbose ? last_lines(log, log + strlen(log), LOG_LINES_SHOWN) : "";
	const char *heading = verbose ? "the verifier's log ends:\n" : "";
	int reason_length = (int)(refusal->end - refusal->reason);
	char *text;
	int length;

	if (refusal->text)
		length = asprintf(&text, "instruction %zu: %.*s\n%.*s%s%s", refusal->number,
				  (int)refusal->length, refusal->text, reason_length,
				  refusal->reason, heading, end);
	else
		length = asprintf(&text, "%.*s%s%s", reason_length, refusal->reason, heading, end);
	return length < 0 ? NULL : text;
}

static int say_where(const struct object *object, const struct btf *types, int error,
		     const struct refusal *refusal, const char *details)
{
	struct rules_line line = {0};
	struct line_info info;

	if (refusal->number == SIZE_MAX)
		return refuse_with(object->report, error, &(struct message){.details = details},
				   "'%s' is refused by the kernel's verifier", object->image->name);
	if (!line_info_find(object, types, refusal->number, &info))
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

/* Reports an error from before the verification, or one that is about no single instruction. */
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

/* The verifier gives up after a million instructions; the one it stopped at is not at fault. */
static bool is_too_large(int error, const struct refusal *refusal)
{
	return abs(error) == E2BIG || strncmp(refusal->reason, TOO_LARGE, strlen(TOO_LARGE)) == 0;
}

/* Whether the verifier says what it says only where CAP_PERFMON is missing. Linux 6.1 takes a second
 * number in eight bytes of the stack for an attack on a pointer. */
static bool is_for_guards(const struct refusal *refusal)
{
	return strstr(refusal->reason, "prohibited for !root") ||
	       strstr(refusal->reason, "attempt to corrupt spilled pointer on stack");
}

bool refusal_by_guards(int error, const char *log)
{
	struct refusal refusal = read_log(log);

	/* Where it follows jumps that the processor may only guess, it comes to a loop's beginning with what it knew
	 * there before. */
	return is_too_large(error, &refusal) || is_for_guards(&refusal) ||
	       strstr(refusal.reason, "is too complex") ||
	       strstr(refusal.reason, "infinite loop detected");
}

int refusal_report(const struct object *object, const struct btf *types, int error, const char *log,
		   bool verbose)
{
	struct refusal refusal = read_log(log);
	bool has_reason = *log && abs(error) != EPERM && (abs(error) != ENOSPC || refusal.is_whole);
	bool has_details = has_reason || (*log && verbose);
	autofree char *details = has_details ? describe(&refusal, log, verbose) : NULL;

	if (has_details && !details)
		return fail(object->report, ENOMEM, "say why the kernel's verifier refuses '%s'",
			    object->image->name);
	if (is_too_large(error, &refusal))
		return say_without_line(object, -E2BIG, details);
	if (has_reason && is_for_guards(&refusal) && !caps_have_all(caps_for_tracing))
		return caps_fail(object->report, -EPERM, caps_for_tracing,
				 "load '%s' into this kernel", object->image->name);
	if (has_reason)
		return say_where(object, types, error, &refusal, details);
	return say_without_line(object, error, details);
}
