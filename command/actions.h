/* What the verbs do. Each returns an exit status. */
#ifndef SKLC_ACTIONS_H
#define SKLC_ACTIONS_H

#include <stdbool.h>

struct runtime_options;
struct session;

/* Those that compile. */
int write_object(struct session *s);
int check(struct session *s);
int apply(struct session *s);
int dump(struct session *s);

/* Those that ask the runtime; the table of verbs names the others' functions of the runtime itself. */
int register_socket(struct session *s);
int unregister(struct session *s);
int drain(struct session *s);
int undrain(struct session *s);
int list(struct session *s);
int rollback(struct session *s);

/* Whether a file is there and begins as an object does. */
bool is_object(const char *file);

struct runtime_options runtime_options(struct session *s);

/* The exit status for what a function of the runtime returned. */
int exit_status(int err);

#endif
