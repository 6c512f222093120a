/* For tests of bytecode: an arena as the test's state, and a run of the optimizer. */
#ifndef SKLC_TEST_BYTECODE_FIXTURE_H
#define SKLC_TEST_BYTECODE_FIXTURE_H

struct arena;
struct bytecode;

/* A test whose state is an arena. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)
int arena_setup(void **state);
int arena_teardown(void **state);

/* Runs the optimizer, which must succeed. */
struct bytecode *optimize(struct arena *arena, const struct bytecode *code);

#endif
