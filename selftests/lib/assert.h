/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_ASSERT_H
#define DPATH_TEST_ASSERT_H

/*
 * For the library itself: a step that a test takes for granted has failed. Ends the process with KSFT_FAIL, which the harness reports as a
 * failure of the test; what the test has left is put back by host_restore().
 */
#define dp_assert(cond, fmt, ...) \
	do { \
		if (!(cond)) \
			dp_die(__FILE__, __LINE__, #cond, fmt, ##__VA_ARGS__); \
	} while (0)

void dp_die(const char *file, int line, const char *what, const char *fmt, ...) __attribute__((noreturn, format(printf, 4, 5)));

/* In a test of the harness: @text contains @said. */
#define EXPECT_IN(said, text) \
	EXPECT_NE(NULL, strstr(text, said)) TH_LOG("'%s' is not in '%s'", said, text)

#endif
