/* Runs at every listen(2) on the host. Compares the socket with the declarations of its network
 * namespace, and puts it into a slot of the label of each declaration that it matches. A socket
 * that is in a slot is never replaced: the slot becomes free when the socket is closed, and the
 * next listener gets it. A socket that was shut down and listens again still has its slot. */
#include "match.h"

/* The types of the maps of one namespace. For each type, BY_NAMESPACE below makes a map from the
 * cookie of a namespace to its map of that type. */
struct socket_map {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u64));
};

struct since_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_SOCKETS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct since));
};

struct mark_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_SPARE_BLOCKS + 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct abi_spare_marks));
};

struct declared_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(struct declared_key));
	__uint(value_size, sizeof(struct declared));
};

struct cgroup_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(struct cgroup_key));
	__uint(value_size, sizeof(__u64));
};

struct hand_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(struct hand_key));
	__uint(value_size, sizeof(struct hand));
};

#define BY_NAMESPACE(name, kind)                                                                   \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);                                           \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, 65536);                                                        \
		__type(key, __u64);                                                                \
		__array(values, struct kind);                                                      \
	} name SEC(".maps")

BY_NAMESPACE(sockets, socket_map);
BY_NAMESPACE(since, since_map);
BY_NAMESPACE(spare_marks, mark_map);
BY_NAMESPACE(declared, declared_map);
BY_NAMESPACE(cgroups, cgroup_map);
BY_NAMESPACE(hand, hand_map);

static void *cgroup_map(__u64 namespace)
{
	return bpf_map_lookup_elem(&cgroups, &namespace);
}

/* The index of the last slot of the range that a socket was put into by an operator, to stand before
 * the declared ones; 0 if there is none. It may be closed, and others of them not: what comes later
 * must not take a slot before theirs. They have the first slots, so a slot that never had a socket
 * ends the search. */
__noinline int last_override(__u64 namespace, __u64 label, const struct declared_range *range,
			     __u32 flow_class)
{
	void *hand_map = bpf_map_lookup_elem(&hand, &namespace);
	void *since_map = bpf_map_lookup_elem(&since, &namespace);
	struct hand_key key = {.label = label};
	__u32 last = 0;

	if (!hand_map || !since_map || !range)
		return 0;
	for (__u32 i = 0; i < DECLARED_RANGE_MAX && i < range->count; i++) {
		__u32 slot = slot_at(range->word, range->first + i);
		const struct since *at = bpf_map_lookup_elem(since_map, &slot);
		const struct hand *put;

		if (!at || !at->cookie)
			break;
		key.cookie = at->cookie;
		put = bpf_map_lookup_elem(hand_map, &key);
		if (put && put->flags & HAND_OVERRIDE && hand_is_for(put, flow_class))
			last = i;
	}
	return (int)last;
}

/* Puts the socket into the first slot of the range that is free or that it already has. */
__noinline int take_slot(struct bpf_sock_ops *context, __u64 namespace,
			 const struct declared_range *range)
{
	void *map = bpf_map_lookup_elem(&sockets, &namespace);
	void *since_map = bpf_map_lookup_elem(&since, &namespace);
	void *mark_map = bpf_map_lookup_elem(&spare_marks, &namespace);
	__u64 cookie = bpf_get_socket_cookie(context);
	struct abi_spare_marks *marks;
	__u32 first;

	if (!map || !since_map || !mark_map || !range)
		return 0;
	first = ABI_SPARE_BLOCK(range->word);
	marks = bpf_map_lookup_elem(mark_map, &first);
	if (!marks)
		return 0;
	for (__u32 i = 0; i < DECLARED_RANGE_MAX && i < range->count; i++) {
		__u32 number = range->first + i, slot = slot_at(range->word, number);
		struct since *taken = bpf_map_lookup_elem(since_map, &slot);
		long error;

		if (!taken)
			break;
		if (number)
			mark_block(marks, declared_block(number));
		error = bpf_sock_map_update(context, map, &slot, BPF_NOEXIST);
		if (error == -EEXIST && taken->cookie != cookie)
			continue;
		if (error)
			break;
		taken->boot_time = bpf_ktime_get_boot_ns();
		taken->cookie = cookie;
		break;
	}
	return 0;
}

/* Whether an operator drained the socket of a label, or put it somewhere in this flow class. */
static __always_inline bool is_by_hand(struct bpf_sock_ops *context, __u64 namespace, __u64 label,
				       __u32 flow_class)
{
	const struct hand_key key = {.cookie = bpf_get_socket_cookie(context), .label = label};
	void *map = bpf_map_lookup_elem(&hand, &namespace);
	const struct hand *at = map ? bpf_map_lookup_elem(map, &key) : NULL;

	return at && hand_is_for(at, flow_class);
}

/* Whether an operator drained a member of a SO_REUSEPORT group: the kernel would spread to it again
 * if another member got a slot. New members come last, and the last one takes the place of one that
 * leaves, so that drained ones are among the first. */
__noinline int has_drained_member(__u64 group_address, __u64 namespace, __u64 label)
{
	struct sock_reuseport *group = (void *)group_address;
	void *map = bpf_map_lookup_elem(&hand, &namespace);
	struct hand_key key = {.label = label};
	__u32 count;

	if (!map || !group)
		return 0;
	count = BPF_CORE_READ(group, num_socks);
	for (__u32 i = 0; i < GROUP_SEEN_MAX && i < count; i++) {
		const struct hand *at;
		struct sock *member;

		if (bpf_probe_read_kernel(&member, sizeof(member), &group->socks[0] + i))
			break;
		key.cookie = (__u64)BPF_CORE_READ(member, __sk_common.skc_cookie.counter);
		at = bpf_map_lookup_elem(map, &key);
		if (at && at->flags & HAND_DRAINED)
			return 1;
	}
	return 0;
}

static __always_inline void take_slot_behind(struct bpf_sock_ops *context, __u64 namespace,
					     __u64 label, const struct declared_range *range,
					     __u32 flow_class)
{
	struct declared_range behind = *range;
	__u32 last;

	if (is_by_hand(context, namespace, label, flow_class))
		return;
	last = (__u32)last_override(namespace, label, range, flow_class);
	behind.first += last;
	behind.count -= last;
	take_slot(context, namespace, &behind);
}

__noinline int take_slots_of(struct bpf_sock_ops *context, __u64 namespace,
			     const struct declared *declared, const struct facts *facts)
{
	if (!declared || !facts || has_drained_member(facts->group, namespace, declared->label))
		return 0;
	if (facts->bound.family == AF_INET || !facts->ipv6_only)
		take_slot_behind(context, namespace, declared->label, &declared->ipv4,
				 ABI_FLOW_CLASS(0, 0));
	if (facts->bound.family == AF_INET6)
		take_slot_behind(context, namespace, declared->label, &declared->ipv6,
				 ABI_FLOW_CLASS(1, 0));
	return 0;
}

__noinline int follow_key(struct bpf_sock_ops *context, __u64 namespace, const struct facts *facts,
			  int any)
{
	void *map = bpf_map_lookup_elem(&declared, &namespace);
	struct declared_key key;

	if (!map || !facts)
		return 0;
	key = key_of(facts, any);
	for (__u32 i = 0; i < DECLARED_FOLLOWED_MAX; i++) {
		const struct declared *at;

		key.index = i;
		at = bpf_map_lookup_elem(map, &key);
		if (!at)
			break;
		if (find_fault(at, facts) == FOUND_RIGHT)
			take_slots_of(context, namespace, at, facts);
	}
	return 0;
}

SEC("sockops")
int follow(struct bpf_sock_ops *context)
{
	struct facts facts = {};
	struct bpf_sock *bpf_sock;
	struct sock *sk;
	__u64 namespace;

	if (context->op != BPF_SOCK_OPS_TCP_LISTEN_CB)
		return 1;
	namespace = bpf_get_netns_cookie(context);
	bpf_sock = context->sk;
	if (!bpf_sock || !bpf_map_lookup_elem(&declared, &namespace))
		return 1;
	sk = (struct sock *)bpf_skc_to_tcp_sock(bpf_sock);
	if (!sk)
		return 1;
	read_bound(sk, IPPROTO_TCP, &facts);
	read_cgroups(cgroup_of(sk), namespace, &facts);
	follow_key(context, namespace, &facts, false);
	follow_key(context, namespace, &facts, true);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
