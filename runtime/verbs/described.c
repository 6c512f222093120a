/* Looks up the addresses, users and processes of sockets by their cookies. */
#include "described.h"

#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/kernel/owners.h"
#include "runtime/labels/labels.h"

#include <errno.h>
#include <inttypes.h>
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

json_t *described_to_json(const struct described *socket)
{
	bool known = socket->address[0];

	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "cookie", (json_int_t)socket->cookie,
			 "address", json_text(known ? socket->address : NULL), "uid",
			 known ? json_integer(socket->uid) : json_null(), "pid",
			 socket->pid ? json_integer(socket->pid) : json_null(), "command",
			 json_text(socket->pid ? socket->command : NULL));
}

json_t *flow_classes_to_json(uint32_t flow_classes)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (flow_classes >> i & 1)
			json_array_append_new(
				all, json_pack("{s:s, s:s}", "protocol",
					       ipproto_word(flow_class_ipproto(i)), "family",
					       flow_class_af(i) == AF_INET6 ? "ipv6" : "ipv4"));
	return all;
}

int print_result_json(struct report *report, json_t *root, FILE *out)
{
	int err = json_dumpf(root, out, JSON_COMPACT) || fputc('\n', out) == EOF;

	json_decref(root);
	return err ? fail(report, EIO, "write the result") : 0;
}
