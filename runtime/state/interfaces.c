/* Tells running programs which interfaces there are now. */
#include "state.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/interfaces.h"
#include "runtime/load/load.h"

#include <errno.h>
#include <inttypes.h>

/* Opens the maps of a generation by which its program knows interfaces. */
static int open_maps(const struct state *state, uint32_t id, struct class_maps *maps)
{
	struct generation generation;
	int err = generation_require(state, id, &generation);

	*maps = (struct class_maps){-1, -1, -1};
	if (err)
		return err;
	maps->interfaces = pin_get(generation.folder, ABI_PIN_INTERFACES);
	maps->near = pin_get(generation.folder, ABI_PIN_NEAR_INTERFACES);
	maps->machine = pin_get(generation.folder, ABI_PIN_MACHINE);
	generation_close(&generation);
	err = maps->interfaces < 0 ? maps->interfaces
	      : maps->near < 0     ? maps->near
	      : maps->machine < 0  ? maps->machine
				   : 0;
	return err ? fail(state->report, err, "open the map of interfaces of generation %" PRIu32,
			  id)
		   : 0;
}

static void close_maps(const struct class_maps *maps)
{
	close_fd(&maps->interfaces);
	close_fd(&maps->near);
	close_fd(&maps->machine);
}

int generation_classes(const struct state *state, uint32_t id, const struct object *object,
		       struct class_table *table)
{
	struct class_maps maps;
	int err = open_maps(state, id, &maps);

	*table = (struct class_table){0};
	if (!err) {
		err = class_table_read(object, &maps, table);
		if (err)
			fail(state->report, err,
			     "read the maps of interfaces of generation %" PRIu32, id);
	}
	close_maps(&maps);
	return err;
}

static int tell(const struct state *state, const struct object *object,
		const struct class_maps *maps)
{
	struct host_interfaces interfaces;
	struct class_table table;
	int err = host_interfaces_list(&state->netns, &interfaces);

	if (err)
		return err;
	err = class_table_of(object, &interfaces, &table);
	if (!err)
		err = class_table_write(object, &table, maps);
	class_table_free(&table);
	host_interfaces_free(&interfaces);
	return err;
}

int generation_follow_interfaces(const struct state *state, uint32_t id,
				 const struct object *object)
{
	struct class_maps maps;
	int err;

	if (!object->header.asks_interface)
		return 0;
	err = open_maps(state, id, &maps);
	if (!err)
		err = tell(state, object, &maps);
	close_maps(&maps);
	return err;
}

static int follow(const struct state *state, uint32_t id)
{
	struct applied applied;
	int err = applied_read(state, id, &applied);

	if (err)
		return err;
	err = generation_follow_interfaces(state, id, &applied.object);
	applied_free(&applied);
	return err;
}

int standing_follow_interfaces(const struct state *state, const struct standing *standing)
{
	int err = standing->current ? follow(state, standing->current) : 0;

	if (!err && standing->trial == TRIAL_RUNNING && standing->previous)
		err = follow(state, standing->previous);
	return err;
}
