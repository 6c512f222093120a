/* The class of an interface by its name: compiler and runtime agree, and both do what the definition says, which is
 * written here once more. */
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"
#include "runtime/object/object.h"
#include "tests/lib/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILES = 60, NAMES = 300, TEXT_BYTES = 4096, NAME_BYTES = 16 };

/* A name of few letters, so that many begin alike; some sort before and after '*'. */
static void random_name(struct random *random, char name[NAME_BYTES])
{
	static const char letters[] = "ab0!~";
	uint32_t length = 1 + random_below(random, random_percent(random, 10) ? 14 : 4), i;

	for (i = 0; i < length; i++)
		name[i] = letters[random_below(random, sizeof(letters) - 1)];
	name[length] = '\0';
}

static void random_rules(struct random *random, char text[TEXT_BYTES])
{
	size_t length = (size_t)sprintf(text, "iifname { \"z\"");
	uint32_t count = random_below(random, 60);
	char name[NAME_BYTES];

	while (count-- > 0) {
		random_name(random, name);
		length += (size_t)sprintf(text + length, ", \"%s%s\"", name,
					  random_percent(random, 40) ? "*" : "");
	}
	strcpy(text + length, " } drop\n");
}

/* Tries all entries: the exact name, else the longest wildcard. */
static uint32_t defined_class(const struct policy *policy, const char *name)
{
	uint32_t best = class_other(policy);
	size_t best_length = 0, i;

	for (i = 0; i < policy->interface_count; i++) {
		const struct interface *entry = &policy->interfaces[i];
		size_t length = strlen(entry->name);

		if (!entry->is_wildcard && !strcmp(entry->name, name))
			return (uint32_t)(CLASS_FIRST + i);
		if (entry->is_wildcard && length > best_length &&
		    !strncmp(entry->name, name, length)) {
			best = (uint32_t)(CLASS_FIRST + i);
			best_length = length;
		}
	}
	return best;
}

static void check_names(struct random *random, const struct policy *policy,
			const struct object *object)
{
	char name[NAME_BYTES];
	uint32_t class;
	int i;

	for (i = 0; i < NAMES; i++) {
		random_name(random, name);
		class = defined_class(policy, name);
		assert_int_equal(interface_class(policy, name), class);
		assert_int_equal(object_class(object, name), class);
	}
}

/* The records that the compiler writes of the policy's interfaces. */
static struct object object_of(const struct policy *policy, char strings[TEXT_BYTES],
			       struct abi_interface *records)
{
	struct object object = {.strings = strings, .interfaces = records};
	uint32_t length = 0, i;

	object.header.version = ABI_VERSION;
	object.header.interface_count = (uint32_t)policy->interface_count;
	for (i = 0; i < policy->interface_count; i++) {
		strcpy(strings + length, policy->interfaces[i].name);
		records[i] = (struct abi_interface){
			.name = length, .is_wildcard = policy->interfaces[i].is_wildcard};
		length += (uint32_t)strlen(strings + length) + 1;
	}
	return object;
}

static void read_rules(struct random *random, struct compilation *c)
{
	const struct compile_options options = {.tables = TABLES_AUTO};
	char text[TEXT_BYTES];

	random_rules(random, text);
	assert_true(compile_text(c, text, strlen(text), &options));
}

static void the_class_of_an_interface_is_its_names_else_the_longest_wildcards(void **state)
{
	struct abi_interface records[64];
	struct random random = {1};
	char strings[TEXT_BYTES];
	struct compilation c;
	struct object object;
	int i;

	(void)state;
	for (i = 0; i < FILES; i++) {
		read_rules(&random, &c);
		object = object_of(c.policy, strings, records);
		check_names(&random, c.policy, &object);
		compilation_free(&c);
	}
}

/* A class that a packet may have leads to a name that has it. */
static void the_interface_of_a_class_has_that_class(void **state)
{
	struct random random = {2};
	struct compilation c;
	uint16_t class;
	int i;

	(void)state;
	for (i = 0; i < FILES; i++) {
		read_rules(&random, &c);
		for (class = CLASS_FIRST; class < class_other(c.policy); class ++)
			assert_int_equal(
				interface_class(c.policy,
						interface_of_class(c.arena, c.policy, class)),
				class);
		compilation_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_class_of_an_interface_is_its_names_else_the_longest_wildcards),
		cmocka_unit_test(the_interface_of_a_class_has_that_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
