/* Compares the numbers of declared users with those that they have now. Sockets are compared with the
 * number that a name had when the rules were applied. */
#include "problems.h"

#include "runtime/labels/labels.h"
#include "runtime/object/object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* Whether an earlier declaration has the user. */
static bool is_named(const struct object *object, uint32_t number)
{
	const char *name = object_string(object, object->sockets[number].uid);

	for (uint32_t i = 0; i < number; i++) {
		const char *other = object_string(object, object->sockets[i].uid);

		if (other && strcmp(name, other) == 0)
			return true;
	}
	return false;
}

static int check_user(const struct inspection *inspected, uint32_t number,
		      struct problems *problems)
{
	const struct object *object = inspected->object;
	const char *name = object_string(object, object->sockets[number].uid);
	uint32_t known = inspected->users[number], now;
	int err = name ? user_number(name, &now) : 0;

	if (!name || (err && err != -ENOENT) || (!err && now == known) || is_named(object, number))
		return 0;
	if (err)
		return problem_add(
			problems, NULL, "correct the `uid`, and apply the rules again",
			"there is no user '%s' any more; the rules still mean the number "
			"%" PRIu32 ", which it had",
			name, known);
	return problem_add(problems, NULL, "apply the rules again",
			   "the user '%s' has the number %" PRIu32 " now, and had %" PRIu32
			   " when the rules were applied",
			   name, now, known);
}

int problems_of_users(const struct inspection *inspected, struct problems *problems)
{
	int err = 0;

	for (uint32_t i = 0; !err && inspected->users && i < inspected->object->socket_count; i++)
		err = check_user(inspected, i, problems);
	return err;
}
