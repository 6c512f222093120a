/* Walks the folders below <bpffs>/sklc. A folder's name is the cookie of its namespace, which the
 * kernel never gives to another one. When a namespace is gone, its link is severed; but so is one
 * that somebody detached, and a command that was killed leaves none. */
#include "transaction.h"

#include "runtime/base/entries.h"
#include "runtime/base/fail.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int is_link(const char *name, void *argument)
{
	(void)argument;
	return strcmp(name, ABI_PIN_LINK) == 0;
}

/* Whether the folder has a link that decides, or one of which that cannot be told. The lock must be
 * held, since a command that has it may be about to pin a link. A link is missing only if both the
 * look-up and a list of the whole folder say so. */
static bool may_decide(struct report *report, int folder)
{
	autoclose int link = pin_get(folder, ABI_PIN_LINK);
	struct link_info info;

	if (link == -ENOENT)
		return entries_each(folder, is_link, NULL) != 0;
	return link < 0 || attach_info(report, link, &info) || info.netns_inode;
}

static void clear_dead_folder(struct report *report, int root, uint64_t cookie)
{
	autoclose int folder = -1;
	char name[32];

	snprintf(name, sizeof(name), "%" PRIu64, cookie);
	if (state_lock_other(root, name, &folder) || may_decide(report, folder) ||
	    !namespace_is_gone(cookie))
		return;
	if (follow_forget(report, root, cookie) || folder_clear(report, folder) ||
	    unlinkat(root, name, AT_REMOVEDIR))
		return;
	note(report, "cleared the state of a network namespace that is gone (cookie %s)", name);
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
