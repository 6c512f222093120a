/* The life of a generation on one page: which pins its folder has in which phase.
 *
 * A generation that is being made is new. It is in force, or on trial, from the moment that its
 * program is on the link. The one that it replaces is then the previous one, which a rollback goes
 * back to, and the one before that becomes an older one. During a trial, the rules that would come
 * back count as current, and those that they replaced as the previous ones. A generation that is
 * removed loses its record first; a folder without one, or one that is in none of these phases, is
 * a leftover.
 *
 * Settling brings each folder to its phase. A process that was killed meanwhile leaves folders that
 * also have pins of earlier phases. */
#ifndef SKLC_LIFE_H
#define SKLC_LIFE_H

/* Columns: pin; whether a folder has it in each phase: MUST; MADE (if the generation was made with
 * it, as its record says: only some objects need it); MAY (it is written later), NEVER. Settling
 * removes what a phase may never have. A pin that must be there and is not was removed by somebody:
 * then commands refuse to change anything, instead of taking it for one that there never was. Code
 * and tests read this table. A record knows the pins by their place in it, so another order needs a
 * new version of the state. */
/*        pin                      NEW    TRIAL  CURRENT PREVIOUS OLDER */
#define LIFE(X)                                                                                    \
	X(PIN_RECORD, MAY, MUST, MUST, MUST, MUST)         /* struct record */                     \
	X(ABI_PIN_OBJECT, MAY, MUST, MUST, MUST, MUST)     /* the object, stored */                \
	X(PIN_NEW_OBJECT, MAY, NEVER, NEVER, NEVER, NEVER) /* becomes `object` */                  \
	X(PIN_TABLES, MAY, MADE, MADE, MADE, NEVER)        /* the object's tables */               \
	X(PIN_HOST, MAY, MUST, MUST, NEVER, NEVER)         /* numbers of this host */              \
	X(ABI_PIN_KEYS, MAY, MADE, MADE, MADE, NEVER)      /* of slots */                          \
	X(ABI_PIN_PROGRAM, MAY, MUST, MUST, NEVER, NEVER)                                          \
	X(ABI_PIN_RULE_COUNTERS, MAY, MADE, MADE, NEVER, NEVER)                                    \
	X(ABI_PIN_LABEL_COUNTERS, MAY, MADE, MADE, NEVER, NEVER)                                   \
	X(ABI_PIN_MACHINE, MAY, MUST, MUST, NEVER, NEVER) /* the words of this host */             \
	X(PIN_BASE, MAY, NEVER, MAY, NEVER, NEVER)        /* what was counted before */            \
	X(PIN_NEW_BASE, MAY, NEVER, NEVER, NEVER, NEVER)  /* becomes `base` */                     \
	X(PIN_TRIAL, MAY, MUST, NEVER, NEVER, NEVER)                                               \
	X(PIN_CHOICES, MAY, MUST, NEVER, NEVER, NEVER)                                             \
	X(PIN_DECLARED, MAY, MADE, MADE, NEVER, NEVER)                                             \
	X(PIN_CGROUPS, MAY, MADE, MADE, NEVER, NEVER)                                              \
	X(ABI_PIN_INTERFACES, MAY, MADE, MADE, NEVER, NEVER) /* the map of them */                 \
	X(ABI_PIN_NEAR_INTERFACES, MAY, MADE, MADE, NEVER, NEVER)

/* The pins of a namespace beside ABI_PIN_LINK. They are made before there is a link, so all of them
 * must be there as long as there is one. */
#define NAMESPACE_PINS(X)                                                                          \
	X(ABI_PIN_STATE)                                                                           \
	X(ABI_PIN_SOCKETS)                                                                         \
	X(ABI_PIN_SPARE_MARKS)                                                                     \
	X(ABI_PIN_SLOTS)                                                                           \
	X(PIN_SINCE)                                                                               \
	X(PIN_HAND)                                                                                \
	X(PIN_COUNT)

/* A state of version 3 that a newer sklc takes over (migrate.c) is at one of two stages as long as
 * it has the pin `labels`. While its version is 3, `about` says which phase a generation is in, and
 * what that version knew stays as it was; a folder may also have pins that only this version has.
 * When the version is 4, folders have what LIFE says, and may still have pins of version 3. These
 * are removed then, `labels` as the last one.
 *
 * Columns: pin; whether a folder has it, in any phase, while the state is taken over, and while that
 * is finished; PHASE: as the table above says. Finishing removes the other ones. */
/*        pin              TAKING FINISHING */
#define TAKE_OVER_LIFE(X)                                                                          \
	X(PIN_ABOUT_3, MUST, MAY)     /* struct about_3 */                                         \
	X(PIN_NAMES_3, MAY, MAY)      /* of labels */                                              \
	X(PIN_NEW_DECLARED, MAY, MAY) /* becomes `declared` */                                     \
	X(PIN_NEW_CGROUPS, MAY, MAY)  /* becomes `cgroups` */                                      \
	X(PIN_RECORD, MAY, PHASE)                                                                  \
	X(PIN_HOST, MAY, PHASE)                                                                    \
	X(ABI_PIN_KEYS, MAY, PHASE)                                                                \
	X(ABI_PIN_MACHINE, MAY, PHASE)

#endif
