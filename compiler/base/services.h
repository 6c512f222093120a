/* The built-in table of service names, which rules may write for ports. */
#ifndef SKLC_BASE_SERVICES_H
#define SKLC_BASE_SERVICES_H

#include <stddef.h>

/* The port of a service, or -1. */
int service_port(const char *name, size_t length);

/* The name of service N, in the order of strcmp; NULL past the last. */
const char *service_nth(size_t n);

/* The service that WORD may have meant, or NULL. */
const char *service_nearest(const char *word, size_t length);

#endif
