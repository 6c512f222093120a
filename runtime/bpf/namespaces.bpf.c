/* Looks for a network namespace in the kernel's list of all of them. The list is a ring; the walk
 * begins at the namespace of the process that runs the program, which cannot leave it meanwhile. A
 * test run of this type of program is an RCU reader, so that the walk passes over no namespace that
 * lives. The list's head, in the ring too, is read like a namespace; what stands there is no cookie
 * of one. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#include "kernel_types.h"
#include "maps.h"

/* Set by the runtime before a run. */
__u64 wanted;

struct walk {
	__u64 first, at; /* addresses of list_head */
	__u32 result;    /* enum namespace_life */
};

static long look_at_next(__u64 index, struct walk *walk)
{
	const struct list_head *at = (void *)walk->at;
	const struct net *net;

	walk->at = (__u64)BPF_CORE_READ(at, next);
	if (walk->at == walk->first)
		walk->result = NAMESPACE_GONE;
	if (!walk->at || walk->at == walk->first)
		return 1;
	net = (void *)(walk->at - bpf_core_field_offset(struct net, list));
	if (BPF_CORE_READ(net, net_cookie) != wanted)
		return 0;
	walk->result = NAMESPACE_LIVES;
	return 1;
}

SEC("tc")
int find_namespace(struct __sk_buff *context)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	const struct net *own = BPF_CORE_READ(task, nsproxy, net_ns);
	struct walk walk = {.result = NAMESPACE_UNKNOWN};

	walk.first = walk.at = (__u64)own + bpf_core_field_offset(struct net, list);
	if (BPF_CORE_READ(own, net_cookie) == wanted)
		return NAMESPACE_LIVES;
	bpf_loop(NAMESPACES_MAX, look_at_next, &walk, 0);
	return (int)walk.result;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
