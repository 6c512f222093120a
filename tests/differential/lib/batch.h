/* Runs a program on many packets in one system call: by the look-ups of sockets that the kernel makes for packets
 * that come in, in the network namespace of the process. BPF_PROG_TEST_RUN, which program_run uses, takes one packet
 * a call. */
#ifndef SKLC_BATCH_H
#define SKLC_BATCH_H

#include "batch_shared.h"
#include "kernel.h"

struct lookups;

/* Packets and what a program chose for each, by number, below BATCH_MAX. */
struct batch {
	struct lookups *bpf;
	int link; /* attaches `watch` to the namespace */
};

/* False, with the reason on standard error, if the kernel refuses. */
bool batch_open(struct batch *batch);
void batch_close(struct batch *batch);

void batch_put(struct batch *batch, uint32_t number, const struct packet *packet);

/* All packets that are run from now on are this program's. */
bool batch_use(struct batch *batch, const struct program *program);

/* Runs packets, which come in by BATCH_INTERFACE. False if one of them did not get to the program. */
enum { BATCH_INTERFACE = 1 };
bool batch_run(struct batch *batch, uint32_t first, uint32_t count);

/* The slot whose socket was chosen, or CHOSE_PASS, CHOSE_DROP or RUN_FAILED. */
int batch_chosen(const struct batch *batch, uint32_t number);

#endif
