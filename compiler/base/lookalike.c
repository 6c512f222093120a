/* A table of ranges of code points. The scanner (grammar/skl.l) has the same ones, as patterns of bytes. */
#include "lookalike.h"

#include "diag.h"
#include "utf8.h"

struct lookalike {
	uint32_t first, last;
	const char *what, *mend; /* MEND is what it looks like; nothing, if it is "" */
};

static const struct lookalike lookalikes[] = {
	{0xa0, 0xa0, "a no-break space", " "},
	{0x1680, 0x1680, "a space", " "},
	{0x2000, 0x200a, "a space", " "},
	{0x2028, 0x2029, "a space", " "},
	{0x202f, 0x202f, "a space", " "},
	{0x205f, 0x205f, "a space", " "},
	{0x3000, 0x3000, "a space", " "},
	{0xad, 0xad, "an invisible character", ""},
	{0x200b, 0x200f, "an invisible character", ""},
	{0x202a, 0x202e, "an invisible character", ""},
	{0x2060, 0x206f, "an invisible character", ""},
	{0xfeff, 0xfeff, "an invisible character", ""},
	{0x2010, 0x2015, "a dash", "-"},
	{0x2212, 0x2212, "a dash", "-"},
};

static const struct lookalike *find(uint32_t code)
{
	size_t i;

	for (i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++)
		if (code >= lookalikes[i].first && code <= lookalikes[i].last)
			return &lookalikes[i];
	return NULL;
}

bool lookalike_report(struct diag *diag, struct span span, const char *text)
{
	const struct lookalike *found;
	uint32_t code;

	if (!utf8_decode(text, span.end - span.first, &code) || !(found = find(code)))
		return false;
	if (*found->mend)
		diag_error(diag, span, "%s (U+%04X) is not '%s'; write '%s'", found->what, code,
			   found->mend, found->mend);
	else
		diag_error(diag, span, "%s (U+%04X) stands here; delete it", found->what, code);
	return true;
}

bool lookalike_is_hidden(const char *text, size_t length)
{
	const struct lookalike *found;
	uint32_t code;

	return utf8_decode(text, length, &code) && (found = find(code)) && !*found->mend;
}
