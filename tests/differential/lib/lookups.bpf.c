/* Asks a program for many packets in one system call. `ask` looks a socket up for each packet, as the kernel does for
 * a packet that came in, and so runs `watch`, which is attached to the namespace; that calls the program, writes down
 * what it says, and lets no lookup find anything. */
#include "batch_shared.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} program SEC(".maps");

struct batch_packet packets[BATCH_MAX];
struct batch_result results[BATCH_MAX];
__u32 first, count; /* of the packets to run */
__u32 running;      /* the packet that is looked up now */

/* A tail call in a subprogram comes back to the subprogram's caller, with what the program returned. That is hidden
 * from clang, which would take a constant for it. */
static __noinline int call_program(struct bpf_sk_lookup *ctx)
{
	int no_program = -1;

	asm volatile("" : "+r"(no_program));
	bpf_tail_call(ctx, &program, 0);
	return no_program;
}

SEC("sk_lookup")
int watch(struct bpf_sk_lookup *ctx)
{
	int verdict = call_program(ctx);
	struct bpf_sock *sk = ctx->sk;
	__u32 number = running;

	if (number < BATCH_MAX && (verdict == SK_PASS || verdict == SK_DROP)) {
		results[number].mark = sk ? sk->mark : 0;
		results[number].verdict = (__u16)verdict;
		results[number].has_run++;
	}
	return SK_DROP;
}

static long look_up(__u32 i, void *context)
{
	struct __sk_buff *skb = *(struct __sk_buff **)context;
	__u32 number = first + i;
	struct batch_packet *packet;
	struct bpf_sock *sk;

	if (number >= BATCH_MAX)
		return 1;
	packet = &packets[number];
	running = number;
	if (packet->is_ipv6 && packet->is_udp)
		sk = bpf_sk_lookup_udp(skb, &packet->tuple, sizeof(packet->tuple.ipv6),
				       BPF_F_CURRENT_NETNS, 0);
	else if (packet->is_ipv6)
		sk = bpf_sk_lookup_tcp(skb, &packet->tuple, sizeof(packet->tuple.ipv6),
				       BPF_F_CURRENT_NETNS, 0);
	else if (packet->is_udp)
		sk = bpf_sk_lookup_udp(skb, &packet->tuple, sizeof(packet->tuple.ipv4),
				       BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_tcp(skb, &packet->tuple, sizeof(packet->tuple.ipv4),
				       BPF_F_CURRENT_NETNS, 0);
	if (sk)
		bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int ask(struct __sk_buff *skb)
{
	bpf_loop(count, look_up, &skb, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
