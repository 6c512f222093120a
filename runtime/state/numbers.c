/* The numbers of this host that an object stands for. Rules with other numbers are other rules,
 * even if nothing in their object has changed. */
#include "state.h"

#include "runtime/base/fail.h"
#include "runtime/labels/labels.h"

#include <errno.h>
#include <string.h>

int host_numbers_read(const struct object *object, const uint32_t *interfaces,
		      struct host_numbers *numbers)
{
	size_t count = object->header.interface_count;
	int err;

	*numbers = (struct host_numbers){
		.all = calloc(count + object->socket_count + 1, sizeof(*numbers->all)),
		.count = count + object->socket_count,
	};
	if (!numbers->all)
		return fail(object->report, ENOMEM, "read '%s'", object->image->name);
	memcpy(numbers->all, interfaces, count * sizeof(*interfaces));
	err = declared_users(object, numbers->all + count);
	if (err)
		host_numbers_free(numbers);
	return err;
}

void host_numbers_free(struct host_numbers *numbers)
{
	free(numbers->all);
	*numbers = (struct host_numbers){0};
}

const uint32_t *host_users(const struct object *object, const struct host_numbers *numbers)
{
	return numbers->all + object->header.interface_count;
}

/* The pin has their count first, so that it is never empty. */
int host_numbers_create(const struct host_numbers *numbers)
{
	size_t size = numbers->count * sizeof(*numbers->all);
	autofree uint32_t *words = malloc(sizeof(*words) + size);

	if (!words)
		return -ENOMEM;
	words[0] = (uint32_t)numbers->count;
	memcpy(words + 1, numbers->all, size);
	return blob_create(PIN_HOST, words, sizeof(*words) + size);
}

int generation_numbers(const struct generation *generation, const struct object *object,
		       struct host_numbers *numbers)
{
	size_t count = object->header.interface_count + object->socket_count;
	size_t size = count * sizeof(*numbers->all);
	const uint32_t *words;
	struct blob blob;
	int err = blob_get(generation->folder, PIN_HOST, &blob);

	*numbers = (struct host_numbers){.count = count};
	if (err)
		return fail(generation->report, err, "read the host's numbers of generation %u",
			    generation->record.generation);
	words = blob.bytes;
	if (blob.size == sizeof(*words) + size && words[0] == count)
		numbers->all = malloc(sizeof(*words) + size);
	else
		err = EINVAL;
	if (numbers->all)
		memcpy(numbers->all, words + 1, size);
	else if (!err)
		err = ENOMEM;
	blob_close(&blob);
	return err ? fail(generation->report, err, "read the host's numbers of generation %u",
			  generation->record.generation)
		   : 0;
}

int generation_has_numbers(const struct generation *generation, const struct host_numbers *numbers)
{
	size_t size = numbers->count * sizeof(*numbers->all);
	const uint32_t *words;
	struct blob blob;
	int err = blob_get(generation->folder, PIN_HOST, &blob);
	bool same;

	if (err)
		return fail(generation->report, err, "read the host's numbers of generation %u",
			    generation->record.generation);
	words = blob.bytes;
	same = blob.size == sizeof(*words) + size && words[0] == numbers->count &&
	       memcmp(words + 1, numbers->all, size) == 0;
	blob_close(&blob);
	return same;
}
