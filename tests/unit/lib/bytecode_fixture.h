/* For tests of bytecode: an arena as the test's state, listings, and the optimizer. */
#ifndef SKLC_TEST_BYTECODE_FIXTURE_H
#define SKLC_TEST_BYTECODE_FIXTURE_H

struct arena;
struct bytecode;
struct sources;

/* A test whose state is an arena. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)
int arena_setup(void **state);
int arena_teardown(void **state);

/* The program as --dump bytecode lists it. The caller frees the text. */
char *listing(const struct bytecode *code, const struct sources *sources);
void expect_listing(const struct bytecode *code, const struct sources *sources,
		    const char *expected);

/* Runs the optimizer, which must succeed. */
struct bytecode *optimize(struct arena *arena, const struct bytecode *code);

#endif
