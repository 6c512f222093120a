/* Decoding of UTF-8: all characters, and what is none. */
#include "compiler/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static size_t encode(uint32_t code, char text[4])
{
	static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, i;

	for (i = length - 1; i > 0; i--, code >>= 6)
		text[i] = (char)(0x80 | (code & 0x3f));
	text[0] = (char)(leads[length] | code);
	return length;
}

static void every_code_point_but_the_surrogates_is_decoded(void **state)
{
	char text[4];
	uint32_t code, decoded;

	(void)state;
	for (code = 0; code <= 0x10ffff; code++) {
		size_t length = encode(code, text);
		bool is_surrogate = code >= 0xd800 && code <= 0xdfff;

		assert_int_equal(utf8_decode(text, sizeof(text), &decoded),
				 is_surrogate ? 0 : length);
		assert_true(is_surrogate || decoded == code);
		assert_int_equal(utf8_is_valid(text, length), !is_surrogate);
		assert_int_equal(utf8_decode(text, length - 1, &decoded), 0);
	}
}

static void overlong_forms_and_broken_sequences_are_refused(void **state)
{
	static const char *const broken[] = {
		"\x80",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80",
		"\xff",
		"\xc3(",
		"\xe2\x82(",
	};
	uint32_t code;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		assert_int_equal(utf8_decode(broken[i], strlen(broken[i]), &code), 0);
		assert_false(utf8_is_valid(broken[i], strlen(broken[i])));
	}
}

static void a_broken_byte_is_found_wherever_it_stands(void **state)
{
	char text[] = "words of ASCII, \xc3\xa4 and then more words of ASCII";
	size_t length = strlen(text), i;

	(void)state;
	assert_true(utf8_is_valid(text, length));
	assert_true(utf8_is_valid(text, 0));
	for (i = 0; i < length; i++) {
		char kept = text[i];

		text[i] = '\xff';
		assert_false(utf8_is_valid(text, length));
		text[i] = kept;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_but_the_surrogates_is_decoded),
		cmocka_unit_test(overlong_forms_and_broken_sequences_are_refused),
		cmocka_unit_test(a_broken_byte_is_found_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
