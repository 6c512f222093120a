/* Makes the keys of slots: a label's name, and a digest of what it declares. Each endpoint is added
 * as tagged fields of known length, so that no two lists of endpoints are the same bytes. Numbers
 * are in network order. */
#include "labels.h"

#include "runtime/base/fail.h"
#include "runtime/object/object.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sha2.h>
#include <string.h>

bool key_is_declared(const struct abi_slot_key *key)
{
	for (size_t i = 0; i < sizeof(key->declaration); i++)
		if (key->declaration[i])
			return true;
	return false;
}

void label_key(const char *name, struct abi_slot_key *key)
{
	*key = (struct abi_slot_key){0};
	memcpy(key->label, name, strnlen(name, ABI_LABEL_NAME_MAX));
}

static void add(SHA2_CTX *digest, char tag, const void *bytes, size_t size)
{
	const uint32_t length = htonl((uint32_t)size);

	SHA256Update(digest, (const uint8_t *)&tag, sizeof(tag));
	SHA256Update(digest, (const uint8_t *)&length, sizeof(length));
	SHA256Update(digest, bytes, size);
}

static void add_endpoint(SHA2_CTX *digest, const struct declaration *declaration)
{
	const struct declared_key *key = &declaration->key;
	const uint16_t port = htons(key->port);
	const uint32_t uid = htonl(declaration->value.uid);
	const uint32_t device = htonl(declaration->value.device);
	const char *folder = declaration->cgroup;
	size_t length = 0;

	add(digest, 'p', &key->protocol, sizeof(key->protocol));
	add(digest, 'f', &key->family, sizeof(key->family));
	add(digest, 'a', key->address, sizeof(key->address));
	add(digest, 'n', &port, sizeof(port));
	if (declaration->value.has_uid)
		add(digest, 'u', &uid, sizeof(uid));
	if (declaration->cgroup)
		add(digest, 'c', "", 0);
	if (declaration->device)
		add(digest, 'd', &device, sizeof(device));
	while (folder && (folder = next_folder(folder, &length))) {
		add(digest, '/', folder, length);
		folder += length;
	}
}

int label_keys(const struct object *object, const struct declarations *declarations,
	       struct abi_slot_key **keys)
{
	size_t count = object->header.label_count;
	autofree SHA2_CTX *digests = calloc(count + 1, sizeof(*digests));
	autofree bool *declared = calloc(count + 1, sizeof(*declared));
	struct abi_slot_key *all = calloc(count + 1, sizeof(*all));
	uint8_t whole[SHA256_DIGEST_LENGTH];

	if (!digests || !declared || !all) {
		free(all);
		return fail(object->report, ENOMEM, "read the labels");
	}
	for (size_t i = 0; i < declarations->count; i++) {
		uint32_t label = declarations->all[i].label;

		if (!declared[label])
			SHA256Init(&digests[label]);
		declared[label] = true;
		add_endpoint(&digests[label], &declarations->all[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		label_key(object_label(object, i), &all[i]);
		if (!declared[i])
			continue;
		SHA256Final(whole, &digests[i]);
		memcpy(all[i].declaration, whole, sizeof(all[i].declaration));
	}
	*keys = all;
	return 0;
}
