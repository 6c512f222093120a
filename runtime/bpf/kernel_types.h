/* The members of the kernel's types that the programs read. Only their names count: libbpf takes
 * their offsets from the running kernel's BTF when it loads the programs (CO-RE). */
#ifndef SKLC_BPF_KERNEL_TYPES_H
#define SKLC_BPF_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	const char *name;
};

/* The parent folder is `parent` before Linux 6.15, and `__parent` since. */
struct kernfs_node___before {
	struct kernfs_node *parent;
};

struct kernfs_node___since {
	struct kernfs_node *__parent;
};

struct cgroup {
	struct kernfs_node *kn;
	int level; /* folders below the root */
};

struct list_head {
	struct list_head *next;
};

struct net {
	struct list_head list; /* of all namespaces */
	__u64 net_cookie;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	struct nsproxy *nsproxy;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	__u32 skc_rcv_saddr; /* network order */
	__u16 skc_num;       /* host order */
	unsigned short skc_family;
	unsigned char skc_state;
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie; /* 0: nobody has asked for it */
};

struct sock_reuseport;

struct sock {
	struct sock_common __sk_common;
	kuid_t sk_uid;
	struct sock_cgroup_data sk_cgrp_data;
	struct sock_reuseport *sk_reuseport_cb;
};

struct sock_reuseport {
	__u16 num_socks;
	struct sock *socks[];
};

struct inet_sock {
	struct sock sk;
};

struct tcp_ulp_ops {
	char name[16];
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	const struct tcp_ulp_ops *icsk_ulp_ops;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
};

struct udp_sock {
	struct inet_sock inet;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};

#pragma clang attribute pop

enum {
	AF_INET = 2,
	AF_INET6 = 10,
	IPPROTO_TCP = 6,
	IPPROTO_UDP = 17,
	EEXIST = 17,
	STATE_CLOSE = 7, /* a UDP socket that is bound and not connected */
	STATE_LISTEN = 10,
};

#endif
