/* Walks the sockets of the network namespace that opened the iterator. The first walk writes the
 * sockets at a declared endpoint into the map `found`; the second puts those that the runtime chose
 * (`placements`) into the socket map. */
#include "match.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct declared_key);
	__type(value, struct declared);
} declared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct cgroup_key);
	__type(value, __u64);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* the runtime sets it */
	__type(key, struct found_key);
	__type(value, struct found);
} found SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ABI_SOCKETS_MAX); /* a slot takes one socket */
	__type(key, struct placement_key);
	__type(value, struct placement);
} placements SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_SPARE_BLOCKS + 1);
	__type(key, __u32);
	__type(value, struct abi_spare_marks);
} spare_marks SEC(".maps");

/* Set by the runtime before a walk: 0 to find sockets, 1 to put them into slots. */
__u32 placing;
/* Set by a walk that could not enter a socket into `found`. */
__u32 lost;

/* Not inlined, so that the verifier verifies it once and not once for each placement. */
__noinline int mark_spare(__u32 first_block, __u32 block)
{
	struct abi_spare_marks *marks = bpf_map_lookup_elem(&spare_marks, &first_block);

	if (marks)
		mark_block(marks, block);
	return 0;
}

/* Puts the socket into the slots that the runtime chose for it, if any. */
static __always_inline void put(struct sock_common *sk)
{
	struct placement_key key = {.cookie = bpf_get_socket_cookie(sk)};

	for (__u32 i = 0; i < FOUND_PLACEMENTS_MAX; i++) {
		struct placement *placement;
		__u32 slot;

		key.index = i;
		placement = bpf_map_lookup_elem(&placements, &key);
		if (!placement)
			break;
		slot = placement->slot;
		if (placement->first_block)
			mark_spare(placement->first_block, placement->block);
		placement->error = (__s32)bpf_map_update_elem(&sockets, &slot, sk,
							      placement->flags);
	}
}

static void *cgroup_map(__u64 namespace)
{
	return &cgroups;
}

/* Enters the socket into `found` for each declaration of its address, or with ANY for each
 * declaration of any address. FAULT, an enum found_fault, is one that does not depend on the
 * declaration. */
__noinline int note_key(const struct facts *facts, __u64 cookie, int fault, int any)
{
	struct found_key found_key = {.cookie = cookie};
	struct declared_key key;
	struct found note = {};

	if (!facts)
		return 0;
	note.group = facts->group ? facts->group : cookie;
	note.port = facts->bound.port;
	note.family = facts->bound.family;
	note.protocol = facts->bound.protocol;
	note.ipv6_only = facts->ipv6_only;
	note.uid = facts->uid;
	note.device = facts->device;
	__builtin_memcpy(note.address, facts->bound.address, sizeof(note.address));
	key = key_of(facts, any);
	for (__u32 i = 0; i < DECLARED_SAME_MAX; i++) {
		const struct declared *at;
		int own;

		key.index = i;
		at = bpf_map_lookup_elem(&declared, &key);
		if (!at)
			break;
		found_key.number = at->number;
		own = find_fault(at, facts);
		note.fault = (__u8)(own == FOUND_RIGHT ? fault : own);
		if (bpf_map_update_elem(&found, &found_key, &note, BPF_ANY))
			lost = 1;
	}
	return 0;
}

static __always_inline void note_socket(struct sock *sk, __u8 protocol, int fault)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct facts facts = {};

	read_bound(sk, protocol, &facts);
	read_cgroups(cgroup_of(sk), 0, &facts);
	note_key(&facts, cookie, fault, false);
	note_key(&facts, cookie, fault, true);
}

SEC("iter/tcp")
int find_tcp(struct bpf_iter__tcp *context)
{
	struct sock_common *common = context->sk_common;
	struct tcp_sock *tcp;

	if (!common || common->skc_state != STATE_LISTEN)
		return 0;
	if (placing) {
		put(common);
		return 0;
	}
	tcp = bpf_skc_to_tcp_sock(common);
	if (tcp)
		note_socket((struct sock *)tcp, IPPROTO_TCP,
			    is_mptcp(tcp) ? FOUND_MPTCP : FOUND_RIGHT);
	return 0;
}

SEC("iter/udp")
int find_udp(struct bpf_iter__udp *context)
{
	struct udp_sock *udp = context->udp_sk;

	if (!udp || udp->inet.sk.__sk_common.skc_state != STATE_CLOSE)
		return 0;
	if (placing)
		put((struct sock_common *)udp);
	else
		note_socket((struct sock *)udp, IPPROTO_UDP, FOUND_RIGHT);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
