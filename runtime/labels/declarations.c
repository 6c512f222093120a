/* Reads the object's declarations. Those of one label that serve one flow class are alternatives:
 * they share its slots, and earlier ones get earlier slots. In a flow class of IPv4, declarations
 * of IPv6 sockets, which may be dual-stack, come after all others. */
#include "labels.h"

#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/object/object.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

int user_number(const char *name, uint32_t *uid)
{
	const struct passwd *user;
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(name, &end, 10);
	if (name[0] >= '0' && name[0] <= '9' && !*end && !errno && number < UINT32_MAX) {
		*uid = (uint32_t)number;
		return 0;
	}
	errno = 0;
	user = getpwnam(name);
	if (!user)
		return !errno || errno == ESRCH ? -ENOENT : -errno;
	*uid = user->pw_uid;
	return 0;
}

static int read_user(const struct object *object, const struct abi_socket *socket, uint32_t *uid)
{
	const char *name = object_string(object, socket->uid);
	int err;

	*uid = UINT32_MAX;
	err = name ? user_number(name, uid) : 0;
	if (err == -ENOENT)
		return refuse(object->report, EINVAL,
			      "the socket of the label '%s' is to belong to the user '%s', "
			      "and there is none of that name here",
			      object_label(object, socket->label), name);
	return err ? fail(object->report, err, "look up the user '%s'", name) : 0;
}

int declared_users(const struct object *object, uint32_t *users)
{
	int err = 0;

	for (size_t i = 0; !err && i < object->socket_count; i++)
		err = read_user(object, &object->sockets[i], &users[i]);
	return err;
}

/* The FNV-1a hash of the path. */
uint64_t cgroup_number(uint64_t parent, const char *name, size_t length)
{
	uint64_t hash = parent ? parent : UINT64_C(0xcbf29ce484222325);

	hash = (hash ^ '/') * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

const char *next_folder(const char *path, size_t *length)
{
	path += strspn(path, "/");
	*length = strcspn(path, "/");
	return *length ? path : NULL;
}

static int read_cgroup(const struct object *object, const struct abi_socket *socket,
		       struct declaration *declaration)
{
	const char *path = object_string(object, socket->cgroup), *folder = path;
	size_t length = 0;
	int depth = 0;

	declaration->cgroup = path;
	if (!path)
		return 0;
	/* The BPF programs cut a longer name to CGROUP_NAME_MAX - 1 bytes, so they never take it
	 * for a declared one. */
	while ((folder = next_folder(folder, &length))) {
		if (length > CGROUP_NAME_MAX - 2 || ++depth >= CGROUP_DEPTH_MAX)
			return refuse(object->report, EINVAL,
				      "the cgroup '%s' of the label '%s' is too long or too "
				      "deep: at most %d folders of %d bytes",
				      path, object_label(object, socket->label),
				      CGROUP_DEPTH_MAX - 1, CGROUP_NAME_MAX - 2);
		declaration->value.cgroup = cgroup_number(declaration->value.cgroup, folder,
							  length);
		folder += length;
	}
	return 0;
}

/* The device is one of the object's interfaces. */
static void read_device(const struct object *object, const uint32_t *interfaces,
			struct declaration *declaration)
{
	const char *device = object_string(object,
					   object->sockets[declaration->value.number].device);

	declaration->device = device;
	if (device)
		declaration->value.device = interfaces[object_interface(object, device)];
}

static int read_declaration(const struct object *object, uint32_t number, uint32_t user,
			    struct declaration *declaration)
{
	const struct abi_socket *socket = &object->sockets[number];

	*declaration = (struct declaration){
		.key = {.port = (uint16_t)socket->port, .protocol = (uint8_t)socket->protocol},
		.value = {.number = number,
			  .label = label_hash(object_label(object, socket->label))},
		.label = socket->label,
	};
	if (!socket->any_address) {
		declaration->key.family = (uint8_t)socket->family;
		memcpy(declaration->key.address, socket->address,
		       socket->family == AF_INET ? 4 : sizeof(socket->address));
	}
	declaration->value.has_uid = user != UINT32_MAX;
	declaration->value.uid = declaration->value.has_uid ? user : 0;
	return read_cgroup(object, socket, declaration);
}

/* The rank of a declaration among the alternatives for a flow class: rank 0 comes before rank 1.
 * -1: its sockets never serve the flow class. */
static int rank_in(const struct declaration *declaration, unsigned int flow_class)
{
	if (declaration->key.protocol != flow_class_ipproto(flow_class))
		return -1;
	if (!declaration->key.family || declaration->key.family == flow_class_af(flow_class))
		return 0;
	return declaration->key.family == AF_INET6 ? 1 : -1;
}

static struct declared_range *range_of(struct declared *value, unsigned int flow_class)
{
	return flow_class_af(flow_class) == AF_INET6 ? &value->ipv6 : &value->ipv4;
}

/* How many declarations there are, by label, flow class and rank. */
struct shares {
	uint32_t (*counts)[ABI_FLOW_CLASSES][2];
};

static void count_shares(const struct declarations *declarations, struct shares *shares)
{
	for (size_t i = 0; i < declarations->count; i++) {
		const struct declaration *at = &declarations->all[i];

		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
			int rank = rank_in(at, flow_class);

			if (rank >= 0)
				shares->counts[at->label][flow_class][rank]++;
		}
	}
}

/* The slots of alternative NUMBER of COUNT. The first one has those that sockets by hand may have, and
 * at least one more, so that these leave a slot to each. All others get the same number of slots, and
 * so does the first if that is enough; it also gets the remainder. If there are too few slots, the
 * last alternatives share the last slot. */
static struct declared_range share(uint32_t word, uint32_t number, uint32_t count)
{
	uint32_t slots = slot_count(word), others = count - 1;
	uint32_t least = slots > 1 ? slots_before(word) + 1 : 1;
	uint32_t each = slots / count, of_first, first;

	if (each * others > slots - least)
		each = (slots - least) / others;
	each = each ? each : 1;
	of_first = each * others < slots - least ? slots - each * others : least;
	first = number ? of_first + (number - 1) * each : 0;
	if (first >= slots)
		first = slots - 1;
	return (struct declared_range){word, (uint16_t)first, (uint16_t)(number ? each : of_first)};
}

/* TOTAL counts all declarations, GIVEN those that have their slots already. */
static void give_slots_to(struct declaration *declaration, const struct abi_label_slots *slots,
			  const struct shares *total, struct shares *given)
{
	uint32_t label = declaration->label;

	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		const uint32_t *counts = total->counts[label][flow_class];
		int rank = rank_in(declaration, flow_class);
		uint32_t number;

		if (rank < 0)
			continue;
		number = given->counts[label][flow_class][rank]++ + (rank ? counts[0] : 0);
		*range_of(&declaration->value, flow_class) = share(slots[label].slots[flow_class],
								   number, counts[0] + counts[1]);
	}
}

int declarations_place(const struct object *object, const struct abi_label_slots *slots,
		       struct declarations *declarations)
{
	size_t labels = object->header.label_count;
	struct shares total = {calloc(labels + 1, sizeof(*total.counts))};
	struct shares given = {calloc(labels + 1, sizeof(*given.counts))};

	if (total.counts && given.counts)
		count_shares(declarations, &total);
	for (size_t i = 0; total.counts && given.counts && i < declarations->count; i++)
		give_slots_to(&declarations->all[i], slots, &total, &given);
	free(given.counts);
	free(total.counts);
	return total.counts && given.counts
		       ? 0
		       : fail(object->report, ENOMEM, "read the declared sockets");
}

int declarations_read(const struct object *object, const uint32_t *interfaces,
		      const uint32_t *users, struct declarations *declarations)
{
	int err = 0;

	*declarations = (struct declarations){
		.report = object->report,
		.all = calloc(object->socket_count + 1, sizeof(*declarations->all)),
		.count = object->socket_count,
	};
	if (!declarations->all)
		return fail(object->report, ENOMEM, "read the declared sockets");
	for (uint32_t i = 0; !err && i < object->socket_count; i++) {
		err = read_declaration(object, i, users[i], &declarations->all[i]);
		read_device(object, interfaces, &declarations->all[i]);
	}
	if (err)
		declarations_free(declarations);
	return err;
}

void declarations_free(struct declarations *declarations)
{
	free(declarations->all);
	*declarations = (struct declarations){0};
}

void declaration_text(const struct declaration *declaration, char *text, size_t size)
{
	const struct declared_key *key = &declaration->key;
	char endpoint[DECLARATION_TEXT_MAX];

	text_address(key->family, key->address, declaration->device, key->port, endpoint,
		     sizeof(endpoint));
	snprintf(text, size, "%s %s", ipproto_word(key->protocol), endpoint);
}

struct declared_range declaration_range(const struct declaration *declaration,
					unsigned int flow_class)
{
	const struct declared *value = &declaration->value;

	if (rank_in(declaration, flow_class) < 0)
		return (struct declared_range){0, 0, 0};
	return flow_class_af(flow_class) == AF_INET6 ? value->ipv6 : value->ipv4;
}
