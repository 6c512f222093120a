/* Looks up the addresses, users and processes of sockets by their cookies. */
#include "described.h"

#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/kernel/owners.h"
#include "runtime/labels/labels.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

int describe(struct report *report, const struct known_sockets *known, struct described *all,
	     size_t count)
{
	autofree struct owner *owners = calloc(count + 1, sizeof(*owners));
	const struct known_socket *socket;
	const struct owner *owner;
	size_t found = 0;
	int err;

	if (!owners)
		return fail(report, ENOMEM, "find the processes of sockets");
	for (size_t i = 0; i < count; i++) {
		socket = sockdiag_find(known, all[i].cookie);
		if (!socket)
			continue;
		sockdiag_address(socket, all[i].address, sizeof(all[i].address));
		all[i].uid = socket->uid;
		all[i].interface = socket->interface;
		if (!socket->device_gone)
			memcpy(all[i].device, socket->device, sizeof(all[i].device));
		owners[found++].inode = socket->inode;
	}
	err = owners_find(report, owners, found);
	for (size_t i = 0; !err && i < count; i++) {
		socket = sockdiag_find(known, all[i].cookie);
		owner = socket ? owners_of(owners, found, socket->inode) : NULL;
		if (!owner || !owner->pid)
			continue;
		all[i].pid = owner->pid;
		memcpy(all[i].command, owner->command, sizeof(all[i].command));
	}
	return err;
}

void described_print(const struct described *socket, FILE *out)
{
	if (!socket->cookie) {
		fprintf(out, "no socket");
		return;
	}
	if (!socket->address[0]) {
		fprintf(out, "cookie %" PRIu64, socket->cookie);
		return;
	}
	text_print(out, socket->address); /* with the device's name */
	fprintf(out, " (cookie %" PRIu64 ", user %" PRIu32, socket->cookie, socket->uid);
	if (socket->pid) {
		fprintf(out, ", process %d ", socket->pid);
		text_print(out, socket->command);
	}
	fputc(')', out);
}

static json_t *number_unless(uint64_t number, bool unknown)
{
	return unknown ? json_null() : json_integer((json_int_t)number);
}

static json_t *text_unless(const char *text, bool unknown)
{
	return json_text(unknown ? NULL : text);
}

json_t *described_to_json(const struct described *socket)
{
	bool unknown = !socket->address[0];

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cookie",
			 number_unless(socket->cookie, !socket->cookie), "address",
			 text_unless(socket->address, unknown), "device",
			 text_unless(socket->device, !socket->device[0]), "interface",
			 number_unless(socket->interface, !socket->interface), "uid",
			 number_unless(socket->uid, unknown), "pid",
			 number_unless((uint64_t)socket->pid, !socket->pid), "command",
			 text_unless(socket->command, !socket->pid));
}

json_t *flow_class_to_json(unsigned int flow_class)
{
	return json_pack("{s:s, s:s}", "protocol", ipproto_word(flow_class_ipproto(flow_class)),
			 "family", flow_class_af(flow_class) == AF_INET6 ? "ipv6" : "ipv4");
}

json_t *flow_classes_to_json(uint32_t flow_classes)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (flow_classes >> i & 1)
			json_array_append_new(all, flow_class_to_json(i));
	return all;
}

void json_add_members(json_t *object, json_t *members)
{
	json_object_update(object, members);
	json_decref(members);
}
