/* Walks the folders below <bpffs>/sklc. A folder's name is the cookie of its namespace, which the
 * kernel never gives to another one. When a namespace is gone, its link is severed. */
#include "transaction.h"

#include "runtime/base/fail.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether the folder has no link, or a severed one. */
static bool is_dead(struct report *report, int folder)
{
	autoclose int link = pin_get(folder, ABI_PIN_LINK);
	struct link_info info;

	if (link < 0)
		return link == -ENOENT;
	return attach_info(report, link, &info) == 0 && info.netns_inode == 0;
}

static void clear_dead_folder(struct report *report, int root, uint64_t cookie)
{
	autoclose int folder = -1;
	char name[32];

	snprintf(name, sizeof(name), "%" PRIu64, cookie);
	if (state_lock_other(root, name, &folder) || !is_dead(report, folder) ||
	    folder_clear(report, folder))
		return;
	follow_forget(report, root, cookie);
	if (unlinkat(root, name, AT_REMOVEDIR) == 0)
		note(report, "cleared the state of a network namespace that is gone (cookie %s)",
		     name);
}

void clear_dead(const struct state *state)
{
	autofree uint64_t *cookies = NULL;
	size_t count = 0;

	if (state->root < 0 || state_list(state->report, state->root, &cookies, &count))
		return;
	for (size_t i = 0; i < count; i++)
		if (cookies[i] != state->netns.cookie)
			clear_dead_folder(state->report, state->root, cookies[i]);
}
