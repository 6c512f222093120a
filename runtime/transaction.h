/* Putting rules in force: either they decide whole, or what was there before decides, whole. */
#ifndef SKLC_TRANSACTION_H
#define SKLC_TRANSACTION_H

#include "declarations.h"
#include "generation.h"
#include "load.h"
#include "object.h"
#include "standing.h"

struct transaction {
	const struct runtime_options *options;
	const struct object *object;
	uint32_t confirm_seconds;
	bool strict; /* interfaces that the rules need must be there */

	struct state *state;       /* locked and settled */
	struct standing *standing; /* replaced by what stands afterwards */

	struct machine machine;
	struct loaded loaded;
	struct trial trial;
	struct about about;
	struct shared_maps shared;
	int labels, times;

	struct declarations declarations;
	struct declared_maps declared; /* where there are any */
	struct finder *finder;
};

/* 0: the new rules decide; -errno after a message: those before. */
int transaction_run(struct transaction *transaction);

#endif
