/* Lists the generations that are kept, the newest first: a rollback reaches each. */
#include "not_applied.h"

#include "runtime/base/document.h"
#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

/* More than the name of a user takes, each byte as its number: useradd(8) allows 32, login(1) 256. */
enum { WORDS_MAX = 4 * 256 + 1 };

/* What a user would call the generation at an index: during a trial, the rules that come back are
 * those before. */
static const char *state_word(const struct lives *lives, size_t index)
{
	if (index == 0)
		return lives->all[0].phase == PHASE_TRIAL ? "on trial" : "current";
	return index == 1 ? "previous" : "older";
}

/* The name of a user, or NULL. */
static const char *user_name(uint32_t user)
{
	const struct passwd *entry = getpwuid(user);

	return entry && *entry->pw_name ? entry->pw_name : NULL;
}

/* The columns whose width is not known before. */
struct columns {
	int number, user;
};

/* The number of a generation, and of what it is a copy; returns the length. */
static int number_words(const struct record *record, char *buffer, size_t size)
{
	if (record->same_as)
		return snprintf(buffer, size, "%" PRIu32 " = %" PRIu32, record->generation,
				record->same_as);
	return snprintf(buffer, size, "%" PRIu32, record->generation);
}

/* The user's name, or else the number; returns the length. */
static int user_words(const struct record *record, char *buffer, size_t size)
{
	const char *name = user_name(record->user);
	FILE *out = name ? fmemopen(buffer, size, "w") : NULL;

	if (!out)
		return snprintf(buffer, size, "%" PRIu32, record->user);
	text_print(out, name);
	fclose(out);
	return (int)strlen(buffer);
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static struct columns measure(const struct lives *lives)
{
	struct columns columns = {.number = 7, .user = 8};
	char words[WORDS_MAX];

	for (size_t i = 0; i < lives->count; i++) {
		const struct record *record = &lives->all[i].record;

		columns.number = larger(columns.number, number_words(record, words, sizeof(words)));
		columns.user = larger(columns.user, user_words(record, words, sizeof(words)));
	}
	return columns;
}

static void print_line(const struct lives *lives, size_t index, struct columns columns, FILE *out)
{
	const struct record *record = &lives->all[index].record;
	char number[WORDS_MAX], user[WORDS_MAX], hash[HASH_TEXT_MAX], when[TEXT_TIME_MAX];

	number_words(record, number, sizeof(number));
	user_words(record, user, sizeof(user));
	object_hash_text(record->hash.content, hash);
	text_time(record->applied, when);
	fprintf(out, "%-*s %-19s %-*s %.12s %-8s %5" PRIu32 " %6" PRIu32 " %7" PRIu32 "\n",
		columns.number, number, when, columns.user, user, hash, state_word(lives, index),
		record->rules, record->labels, record->sockets);
}

static void print_text(const struct lives *lives, FILE *out)
{
	const struct columns columns = measure(lives);

	fprintf(out, "%-*s %-19s %-*s %-12s %-8s %5s %6s %7s\n", columns.number, "NUMBER",
		"APPLIED", columns.user, "USER", "HASH", "STATE", "RULES", "LABELS", "SOCKETS");
	for (size_t i = 0; i < lives->count; i++)
		print_line(lives, i, columns, out);
}

static json_t *number_or_null(uint32_t number)
{
	return number ? json_integer(number) : json_null();
}

static json_t *life_to_json(const struct lives *lives, size_t index)
{
	const struct record *record = &lives->all[index].record;
	const char *name = user_name(record->user);
	char hash[HASH_TEXT_MAX];

	object_hash_text(record->hash.content, hash);
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "generation",
			 json_integer(record->generation), "same_as",
			 number_or_null(record->same_as), "state", state_word(lives, index),
			 "applied_at", json_integer((json_int_t)record->applied), "uid",
			 json_integer(record->user), "user", name ? json_text(name) : json_null(),
			 "hash", hash, "rules", json_integer(record->rules), "labels",
			 json_integer(record->labels), "sockets", json_integer(record->sockets));
}

static int print_json(struct report *report, const struct lives *lives, FILE *out)
{
	json_t *all = json_array();

	for (size_t i = 0; i < lives->count; i++)
		json_array_append_new(all, life_to_json(lives, i));
	return document_print_indented(
		report, json_pack("{s:i, s:o}", "version", 1, "generations", all), out);
}

struct history {
	struct state state;
	struct standing standing;
	struct lives lives;
};

static int read_history(void *argument)
{
	struct history *history = argument;
	int err = lives_read(&history->state, &history->standing, &history->lives);

	if (!err && !history->lives.count)
		err = refuse_none_in_force(&history->state, &history->standing);
	return err;
}

static void clear_history(void *argument)
{
	struct history *history = argument;

	history->lives.count = 0;
}

int runtime_history(const struct runtime_options *options, FILE *out)
{
	struct history history = {.lives.count = 0};
	struct kept_report kept;
	int err = state_read(&(struct reading){
		.options = options,
		.kept = &kept,
		.state = &history.state,
		.standing = &history.standing,
		.read = read_history,
		.clear = clear_history,
		.argument = &history,
	});

	if (err)
		return err;
	if (options->json)
		err = print_json(options->report, &history.lives, out);
	else
		print_text(&history.lives, out);
	standing_close(&history.standing);
	state_close(&history.state);
	return err;
}
