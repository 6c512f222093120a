/* What tests of the pass over a program share. */
#ifndef SKLC_TEST_BYTECODE_FIXTURE_H
#define SKLC_TEST_BYTECODE_FIXTURE_H

struct arena;
struct bytecode;

/* A test whose state is an arena. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)
int arena_setup(void **state);
int arena_teardown(void **state);

/* The program as the pass makes it, which it has to. */
struct bytecode *optimize(struct arena *arena, const struct bytecode *code);

#endif
