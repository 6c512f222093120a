#include "verdict.h"

const char *verdict_word(enum verdict_kind kind)
{
	static const char *const words[] = {
#define VERDICT_WORD(constant, word) [VERDICT_##constant] = word,
		VERDICTS(VERDICT_WORD)
#undef VERDICT_WORD
	};

	return words[kind];
}
