/* What the commands say about a socket. */
#ifndef SKLC_VERBS_DESCRIBED_H
#define SKLC_VERBS_DESCRIBED_H

#include "compiler/base/json.h"
#include "runtime/kernel/sockdiag.h"

#include <stdio.h>

struct report;

struct described {
	uint64_t cookie;
	char address[SOCKET_ADDRESS_MAX]; /* empty: the kernel does not tell */
	uint32_t uid;
	int pid; /* of a process that has it open; 0: none was found */
	char command[16];
};

/* Fills in what is known about sockets with these cookies. -ENOMEM after a message. */
int describe(struct report *report, const struct known_sockets *known, struct described *all,
	     size_t count);

/* "127.0.0.1:80 (cookie 7, user 0, process 4711 nginx)" */
void described_print(const struct described *socket, FILE *out);

/* cookie, address, uid, pid, command */
json_t *described_to_json(const struct described *socket);

/* An array of protocol and family, for flow classes given as bits. */
json_t *flow_classes_to_json(uint32_t flow_classes);

/* Prints the result of a command as JSON in one line, and frees it. -EIO after a message. */
int print_result_json(struct report *report, json_t *root, FILE *out);

#endif
