/* What the commands say about a socket. */
#ifndef SKLC_DESCRIBED_H
#define SKLC_DESCRIBED_H

#include "compiler/base/json.h"
#include "runtime/kernel/sockdiag.h"

#include <stdio.h>

struct report;

struct described {
	uint64_t cookie;                  /* 0: there is no socket */
	char address[SOCKET_ADDRESS_MAX]; /* empty: the kernel does not tell */
	uint32_t uid;
	uint32_t interface; /* number of the interface that it is bound to; 0: none */
	char device[16];    /* the name of that; empty: it is gone, or there is none */
	int pid;            /* of a process that has it open; 0: none was found */
	char command[16];
};

/* Fills in what is known about sockets with these cookies. -ENOMEM after a message. */
int describe(struct report *report, const struct known_sockets *known, struct described *all,
	     size_t count);

/* "127.0.0.1:80 (cookie 7, user 0, process 4711 nginx)", or "no socket" */
void described_print(const struct described *socket, FILE *out);

/* cookie, address, device, interface, uid, pid, command */
json_t *described_to_json(const struct described *socket);

/* protocol, family */
json_t *flow_class_to_json(unsigned int flow_class);

/* An array of them, for flow classes given as bits. */
json_t *flow_classes_to_json(uint32_t flow_classes);

/* Adds the members of another object, which it frees. */
void json_add_members(json_t *object, json_t *members);

#endif
