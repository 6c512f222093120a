/* What a batch's program in the kernel and the test share. */
#ifndef SKLC_BATCH_SHARED_H
#define SKLC_BATCH_SHARED_H

#include <linux/bpf.h>

enum { BATCH_MAX = 1 << 18 };

struct batch_packet {
	struct bpf_sock_tuple tuple;
	__u16 is_ipv6, is_udp;
};

/* What a program said of a packet. The mark of a socket is one more than its slot. */
struct batch_result {
	__u16 has_run, verdict; /* SK_PASS or SK_DROP */
	__u32 mark;             /* of the socket that was chosen; 0: none */
};

#endif
