/* Walks the folders below <bpffs>/sklc. A folder's name is the cookie of its namespace, which the
 * kernel never gives to another one. When a namespace is gone, its link is severed. */
#include "transaction.h"

#include "runtime/base/entries.h"
#include "runtime/base/fail.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is known for certain of another namespace's folder. */
enum finding {
	IN_USE,      /* or it cannot be told */
	SEVERED,     /* its link is severed: the namespace is gone, or the link was detached */
	INTERRUPTED, /* it has no link: a command was killed before the rules came into force */
};

static int is_link(const char *name, void *argument)
{
	(void)argument;
	return strcmp(name, ABI_PIN_LINK) == 0;
}

/* The lock must be held, since a command that has it may be about to pin a link. A link is missing
 * only if both the look-up and a list of the whole folder say so. */
static enum finding look_into(struct report *report, int folder)
{
	autoclose int link = pin_get(folder, ABI_PIN_LINK);
	struct link_info info;

	if (link == -ENOENT && entries_each(folder, is_link, NULL) == 0)
		return INTERRUPTED;
	if (link < 0 || attach_info(report, link, &info) || info.netns_inode)
		return IN_USE;
	return SEVERED;
}

static void clear_dead_folder(struct report *report, int root, uint64_t cookie)
{
	autoclose int folder = -1;
	enum finding finding;
	char name[32];

	snprintf(name, sizeof(name), "%" PRIu64, cookie);
	if (state_lock_other(root, name, &folder))
		return;
	finding = look_into(report, folder);
	if (finding == IN_USE || follow_forget(report, root, cookie) ||
	    folder_clear(report, folder) || unlinkat(root, name, AT_REMOVEDIR))
		return;
	if (finding == SEVERED)
		note(report, "cleared the state of a network namespace that is gone (cookie %s)",
		     name);
	else
		note(report,
		     "cleared what an interrupted command left of a network namespace (cookie %s)",
		     name);
}

void clear_dead(const struct state *state)
{
	autofree uint64_t *cookies = NULL;
	struct mild_report mild;
	size_t count = 0;

	/* The command goes on with its own namespace, so what fails here is only warned of. */
	report_mildly(&mild, state->report);
	if (state->root < 0 || state_list(&mild.report, state->root, &cookies, &count))
		return;
	for (size_t i = 0; i < count; i++)
		if (cookies[i] != state->netns.cookie)
			clear_dead_folder(&mild.report, state->root, cookies[i]);
}
