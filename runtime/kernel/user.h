/* Who runs this process. */
#ifndef SKLC_USER_H
#define SKLC_USER_H

#include <stdint.h>

/* The number of the user who logged in, which sudo and su keep; where the kernel knows none, or
 * does not show it, the process's real user. */
uint32_t login_user(void);

#endif
