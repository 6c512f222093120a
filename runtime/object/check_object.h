/* Checks the records of an object. */
#ifndef SKLC_CHECK_OBJECT_H
#define SKLC_CHECK_OBJECT_H

struct object;

/* -EINVAL after a message that names the record; -ENOMEM. */
int object_check(const struct object *object);

#endif
