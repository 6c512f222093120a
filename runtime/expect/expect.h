/* Runs the tests that the rules contain (`expect` lines) in this kernel, on the very program that
 * is to be applied. */
#ifndef SKLC_EXPECT_H
#define SKLC_EXPECT_H

struct object;
struct runtime_options;

/* 0 if all hold; RUNTIME_EXPECT_FAILED after a message for each that does not; -errno after a
 * message. */
int expect_run(const struct object *object, const struct runtime_options *options);

#endif
