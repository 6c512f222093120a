/* What the files of this folder share. */
#ifndef SKLC_CAUSES_H
#define SKLC_CAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct declaration;
struct inspection;
struct problems;
struct sighting;
struct sightings;

/* Declarations that no socket is there for. */
struct missing {
	const struct declaration **all;
	size_t count;
};

/* Names each missing socket, and one that looks as if it were meant (near.c). -ENOMEM after a
 * message. */
int problems_of_missing(const struct inspection *inspected, const struct missing *missing,
			struct problems *problems);

/* Whether the socket is one that a declaration allows (near.c). */
bool is_declared(const struct inspection *inspected, uint64_t cookie);

/* The cookie of the first socket in the slots of a word; 0: there is none (strays.c). */
uint64_t first_present(const struct inspection *inspected, uint32_t word);

/* Whether rules redirect packets of this flow class to the label, and the label has no socket for
 * them (strays.c). */
bool is_empty(const struct inspection *inspected, uint32_t label, unsigned int flow_class);

/* Whether the socket is in one of the slots of a word. */
bool is_in_word(const struct inspection *inspected, uint32_t word, uint64_t cookie);

/* Whether the socket is in a slot of the label (strays.c). */
bool stands_behind(const struct inspection *inspected, uint32_t label, uint64_t cookie);

/* What to do about a socket whose interface is gone: another one of the name is another interface. */
#define MEND_GONE "restart the service, so that it binds again"

/* Adds the problem that the socket at an address answers only clients of the device that it is bound
 * to, and COUNT - 1 others like it. */
int problem_bound(struct problems *problems, const char *label, unsigned int protocol,
		  const char *address, const char *device, size_t count);

/* The same, where the interface with this number is gone. */
int problem_bound_to_gone(struct problems *problems, const char *label, unsigned int protocol,
			  const char *address, uint32_t interface, size_t count);

/* What an operator did by hand with a socket of the label in a flow class: flags of enum hand_flag
 * (strays.c). */
uint32_t by_hand(const struct inspection *inspected, uint32_t label, unsigned int flow_class,
		 uint64_t cookie);

/* Whether a socket that is as declared is for a search to place: in a flow class, or in any. Not what
 * an operator has put there by hand, or drained (strays.c). */
bool is_to_place(const struct inspection *inspected, uint32_t label, const struct sighting *at,
		 unsigned int flow_class);
bool is_to_place_anywhere(const struct inspection *inspected, uint32_t label,
			  const struct sighting *at);

/* How many slots of a declaration are not taken by sockets that stand before it by hand (strays.c). */
uint32_t room_of(const struct inspection *inspected, const struct declaration *declaration,
		 unsigned int flow_class);

/* The flow classes, as bits, of the label's sockets that were drained and live (strays.c). */
uint32_t drained(const struct inspection *inspected, uint32_t label);

/* Whether the socket may not be placed, since others of its group are drained (strays.c). */
bool is_kept_out(const struct inspection *inspected, const struct declaration *declaration,
		 const struct sightings *seen, const struct sighting *at);

/* Says how many sockets the last problem is of. */
void problem_count(struct problems *problems, size_t sockets);

/* Whether the address is `0.0.0.0` or `::`. */
bool address_is_any(const uint8_t address[16]);

#endif
