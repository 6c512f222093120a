/* BPF_LINK_CREATE, BPF_LINK_UPDATE and BPF_LINK_DETACH on a network namespace. */
#include "attach.h"

#include "caps.h"
#include "netns.h"

#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
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
