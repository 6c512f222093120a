/* Whether an object is what the rules within it compile to. */
#ifndef SKLC_VERIFY_H
#define SKLC_VERIFY_H

struct object_image;
struct session;

/* Compiles the texts in an object again, with the definitions and options that it was made with, and compares
 * all sections. Returns an exit status: 1 where they differ, 3 if another sklc made the object. */
int verify_object(struct session *s, const struct object_image *image);

#endif
