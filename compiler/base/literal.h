/* Numbers, addresses and prefixes as they are written in rules and element files. */
#ifndef SKLC_LITERAL_H
#define SKLC_LITERAL_H

#include "net.h"

enum literal_kind { LITERAL_NUMBER, LITERAL_ADDRESS };

/* The range of a number is that number alone; the range of an address or prefix is all that it covers. */
struct literal {
	enum literal_kind kind;
	enum family family;
	bool is_prefix;
	bool is_wrong; /* it could not be read, which was reported */
	struct range range;
};

enum { LITERAL_MESSAGE = 256 };

/* Why a text could not be read, and which bytes of it are at fault. */
struct literal_fault {
	size_t first, end;
	char message[LITERAL_MESSAGE];
};

/* Reads all of TEXT. Returns false with *FAULT filled; *LITERAL then has the kind that the text seems to be. */
bool literal_read(const char *text, size_t length, struct literal *literal,
		  struct literal_fault *fault);

/* What `192.0.2.1:80`, `[2001:db8::1]:80` or `*:80` names; instead of a port there may be the name of a
 * service. An interface may stand with the address as ss(8) writes it, `0.0.0.0%eth0:80`,
 * `[fe80::1]%eth0:80`, `*%eth0:80`, or as other programs do, `[fe80::1%eth0]:80`. */
struct endpoint {
	bool any; /* `*` */
	enum family family;
	u128 address;
	uint16_t port;
	size_t device_first, device_end; /* the interface's bytes in the text; equal: it has none */
};

bool endpoint_read(const char *text, size_t length, struct endpoint *endpoint,
		   struct literal_fault *fault);

#endif
