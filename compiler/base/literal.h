/* Numbers, addresses and prefixes as they are written in rules and element files. */
#ifndef SKLC_LITERAL_H
#define SKLC_LITERAL_H

#include "net.h"

enum literal_kind { LITERAL_NUMBER, LITERAL_ADDRESS };

/* A number's range holds it twice; an address's or prefix's is all that it covers. */
struct literal {
	enum literal_kind kind;
	enum family family;
	bool is_prefix;
	bool is_wrong; /* it has no value, which was said */
	struct range range;
};

enum { LITERAL_MESSAGE = 256 };

/* Why a text is no literal, and which bytes of it are to blame. */
struct literal_fault {
	size_t first, end;
	char message[LITERAL_MESSAGE];
};

/* Reads all of TEXT. False with FAULT filled; *LITERAL then has the kind that was meant. */
bool literal_read(const char *text, size_t length, struct literal *literal,
		  struct literal_fault *fault);

/* Reads `192.0.2.1:80`, `[2001:db8::1]:80` and `*:80`; a port may be a service's name. */
struct endpoint {
	bool any; /* `*` */
	enum family family;
	u128 address;
	uint16_t port;
};

bool endpoint_read(const char *text, size_t length, struct endpoint *endpoint,
		   struct literal_fault *fault);

#endif
