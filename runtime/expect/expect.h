/* The tests that stand beside the rules (`expect` lines), run in this kernel on this very program. */
#ifndef SKLC_EXPECT_H
#define SKLC_EXPECT_H

struct object;
struct runtime_options;

/* 0 if all hold; RUNTIME_EXPECT_FAILED after a message for each that does not; -errno. */
int expect_run(const struct object *object, const struct runtime_options *options);

#endif
