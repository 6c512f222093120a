/* Whether /proc tells of the processes that this one means. It does not where it is not mounted, or
 * is that of another pid namespace, as after `nsenter --mount` into a container. */
#ifndef SKLC_PROC_H
#define SKLC_PROC_H

struct report;

/* The number that /proc gives to this process; 0: /proc does not show it. */
int proc_self(void);

/* -ENOENT after the message "cannot WHAT: /proc does not show this process: ..." where it does not;
 * else 0. */
int proc_require(struct report *report, const char *what);

#endif
