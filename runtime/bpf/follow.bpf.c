/* Runs at every listen(2) on the host, and puts the socket behind the labels that a declaration in its
 * network namespace gives it to. A slot that is taken stays as it is: when its socket is closed it is
 * free, and the next listener gets it. */
#include "match.h"

/* The maps of each namespace that has declarations, by its cookie. */
struct sockets {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
};

struct times {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct since);
};

struct declarations {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct declared_key);
	__type(value, struct declared);
};

struct folders {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct cgroup_key);
	__type(value, __u64);
};

#define BY_NAMESPACE(name, kind)                              \
	struct {                                              \
		__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);      \
		__uint(map_flags, BPF_F_NO_PREALLOC);         \
		__uint(max_entries, 65536);                   \
		__type(key, __u64);                           \
		__array(values, struct kind);                 \
	} name SEC(".maps")

BY_NAMESPACE(sockets, sockets);
BY_NAMESPACE(times, times);
BY_NAMESPACE(declared, declarations);
BY_NAMESPACE(cgroups, folders);


/* The first free slot of the range. */
static __noinline int take_slot(struct bpf_sock_ops *context, __u64 namespace,
				const struct declared_range *range)
{
	void *map = bpf_map_lookup_elem(&sockets, &namespace);
	void *since_map = bpf_map_lookup_elem(&times, &namespace);
	struct since since = {};

	if (!map || !range)
		return 0;
	for (__u32 i = 0; i < DECLARED_RANGE_MAX && i < range->count; i++) {
		__u32 slot = range->first + i * DECLARED_SLOT_STEP;
		long error = bpf_sock_map_update(context, map, &slot, BPF_NOEXIST);

		if (error == 0 && since_map) {
			since.cookie = bpf_get_socket_cookie(context);
			since.boot_time = bpf_ktime_get_boot_ns();
			bpf_map_update_elem(since_map, &slot, &since, BPF_ANY);
		}
		if (error != -EEXIST)
			break;
	}
	return 0;
}

static __always_inline void take_places(struct bpf_sock_ops *context, __u64 namespace,
					const struct declared *declared, const struct facts *facts)
{
	struct declared_range range = declared->ipv4;

	if (facts->bound.family == AF_INET || !facts->ipv6_only)
		take_slot(context, namespace, &range);
	range = declared->ipv6;
	if (facts->bound.family == AF_INET6)
		take_slot(context, namespace, &range);
}

static __always_inline void follow_key(struct bpf_sock_ops *context, __u64 namespace, void *map,
				       const struct facts *facts, bool any)
{
	struct declared_key key = key_of(facts, any);

	for (key.index = 0; key.index < DECLARED_SAME_MAX; key.index++) {
		const struct declared *declared = bpf_map_lookup_elem(map, &key);

		if (!declared)
			break;
		if (find_fault(declared, facts) == FOUND_RIGHT)
			take_places(context, namespace, declared, facts);
	}
}

SEC("sockops")
int follow(struct bpf_sock_ops *context)
{
	struct facts facts = {};
	struct bpf_sock *bpf_sock;
	struct sock *sk;
	void *declarations, *folders;
	__u64 namespace;

	if (context->op != BPF_SOCK_OPS_TCP_LISTEN_CB)
		return 1;
	namespace = bpf_get_netns_cookie(context);
	declarations = bpf_map_lookup_elem(&declared, &namespace);
	folders = bpf_map_lookup_elem(&cgroups, &namespace);
	bpf_sock = context->sk;
	if (!declarations || !folders || !bpf_sock)
		return 1;
	sk = (struct sock *)bpf_skc_to_tcp_sock(bpf_sock);
	if (!sk)
		return 1;
	read_bound(sk, IPPROTO_TCP, &facts);
	read_cgroups(sk, folders, &facts);
	follow_key(context, namespace, declarations, &facts, false);
	follow_key(context, namespace, declarations, &facts, true);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
