/* BPF_LINK_CREATE, BPF_LINK_UPDATE and BPF_LINK_DETACH on a network namespace. */
#include "attach.h"

#include "caps.h"
#include "netns.h"

#include "runtime/abi.h"
#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int attach_create(const struct netns *netns, int program)
{
	int link = bpf_link_create(program, netns->fd, BPF_SK_LOOKUP, NULL);

	if (link >= 0)
		return link;
	if (errno == E2BIG)
		return refuse(netns->report, E2BIG,
			      "%s already has %d programs on this hook, "
			      "the kernel's limit; nothing was changed",
			      netns->words, HOOK_PROGRAMS_MAX);
	return caps_fail(netns->report, errno, caps_for_hook, "attach to %s", netns->words);
}

int attach_update(struct report *report, int link, int program, int old)
{
	LIBBPF_OPTS(bpf_link_update_opts, options, .flags = BPF_F_REPLACE,
		    .old_prog_fd = (uint32_t)old);

	if (bpf_link_update(link, program, &options) == 0)
		return 0;
	if (errno == EPERM)
		return refuse(report, EPERM,
			      "the program on the hook is not the one that was applied: "
			      "somebody else replaced it, and nothing was changed");
	if (errno == ENOLINK)
		return refuse(report, ENOLINK,
			      "the link was detached from its network namespace meanwhile; "
			      "apply again");
	return fail(report, errno, "replace the program on the hook");
}

int attach_detach(struct report *report, int link)
{
	if (bpf_link_detach(link) == 0)
		return 0;
	return fail(report, errno, "detach the program from its network namespace");
}

int attach_info(struct report *report, int link, struct link_info *info)
{
	struct bpf_link_info kernel_info = {0};
	uint32_t size = sizeof(kernel_info);

	if (bpf_obj_get_info_by_fd(link, &kernel_info, &size))
		return fail(report, errno, "ask for the link's program");
	if (kernel_info.type != BPF_LINK_TYPE_NETNS)
		return refuse(report, EINVAL, "the pinned link is not one of a network namespace");
	*info = (struct link_info){
		.id = kernel_info.id,
		.program = kernel_info.prog_id,
		.netns_inode = kernel_info.netns.netns_ino,
	};
	return 0;
}

int attach_query(const struct netns *netns, struct hook *hook)
{
	hook->count = HOOK_PROGRAMS_MAX;
	if (bpf_prog_query(netns->fd, BPF_SK_LOOKUP, 0, NULL, hook->programs, &hook->count))
		return -errno;
	return 0;
}

/* Whether a program has a name that sklc gives: ABI_PROGRAM_NAME, or one that begins with it and an
 * underscore. 1, 0, or -errno. */
static int is_of_sklc(uint32_t id)
{
	autoclose int program = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	size_t length = strlen(ABI_PROGRAM_NAME);

	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size))
		return -errno;
	return strncmp(info.name, ABI_PROGRAM_NAME, length) == 0 &&
	       (info.name[length] == '\0' || info.name[length] == '_');
}

int attach_find_lost(struct report *report, const struct netns *netns, struct lost *lost)
{
	struct hook hook;
	int err = attach_query(netns, &hook);

	*lost = (struct lost){.count = 0};
	for (uint32_t i = 0; !err && i < hook.count; i++) {
		int ours = is_of_sklc(hook.programs[i]);

		if (ours == 1)
			lost->programs[lost->count++] = hook.programs[i];
		else if (ours == -EPERM)
			lost->unnamed++;
		else if (ours < 0 && ours != -ENOENT)
			err = ours;
	}
	return err ? caps_fail(report, err, caps_for_hook, "ask for the programs on the hook of %s",
			       netns->words)
		   : 0;
}

void lost_text(const struct lost *lost, char text[LOST_TEXT_MAX])
{
	size_t length = (size_t)snprintf(text, LOST_TEXT_MAX, "program%s",
					 lost->count == 1 ? "" : "s");

	for (uint32_t i = 0; i < lost->count; i++)
		length += (size_t)snprintf(text + length, LOST_TEXT_MAX - length, "%s%" PRIu32,
					   i ? ", " : " ", lost->programs[i]);
}

uint32_t program_id(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.id;
}

/* A program on the hook runs inside a read-side critical section of RCU, and MEMBARRIER_CMD_GLOBAL
 * waits for a grace period. On a kernel with nohz_full it fails with EINVAL; then a pause of 300 ms
 * takes its place. */
void wait_for_programs(void)
{
	const struct timespec pause = {.tv_nsec = 300 * 1000 * 1000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}
