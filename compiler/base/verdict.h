/* The words of verdicts: what a rule does with a packet that it matches. */
#ifndef SKLC_VERDICT_H
#define SKLC_VERDICT_H

#define VERDICTS(X)                                                                                \
	X(PASS, "pass")         /* leave the choice to the kernel's own lookup */                  \
	X(DROP, "drop")         /* answer as if nobody listens */                                  \
	X(REDIRECT, "redirect") /* give it to a label's socket */                                  \
	X(JUMP, "jump")         /* go on in a chain, and come back where it ends */                \
	X(GOTO, "goto")         /* go on in a chain, without coming back */                        \
	X(RETURN, "return")     /* go back to the rule after the jump */                           \
	X(MAP, "map")           /* take the verdict of the most specific key of a map */

enum verdict_kind {
#define VERDICT_ENUM(constant, word) VERDICT_##constant,
	VERDICTS(VERDICT_ENUM)
#undef VERDICT_ENUM
		VERDICT_COUNT
};

const char *verdict_word(enum verdict_kind kind);

/* What a redirect does when no socket takes the packet. */
enum fallback { FALLBACK_DROP, FALLBACK_PASS, FALLBACK_CONTINUE };

#endif
