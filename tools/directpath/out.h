/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OUT_H
#define OUT_H

/*
 * Output. Data goes to stdout, text about failures to stderr. With -j one JSON object a command goes to stdout instead of both: {"schema":1, ...},
 * which only ever grows; a failure is in it as "error".
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

enum exit_code {
	EXIT_DONE = 0,		/* or already so */
	EXIT_USAGE = 1,
	EXIT_KERNEL = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_REFUSED = 4,	/* safety, policy, a limit, no permission; reasons printed */
	EXIT_BUSY = 5,		/* or time-out */
	EXIT_PARTIAL = 6,
};

struct out_options {
	bool json;
	bool pretty;
	bool colour;
};

extern struct out_options out_options;

/* One command: begin, then any of the others, then end. */
void out_begin(void);
/* The object of this command, to add to; NULL without -j. */
json_t *out_json(void);
void out_end(void);
/* There was none after all. */
void out_discard(void);
/* In the middle of a command that goes on (monitor, stats every): print one JSON object on a line of its own; takes the reference. */
void out_json_line(json_t *object);

/* Print (or keep for the JSON object) why the command failed; returns @code. The first one of a command is the error. */
__printf(2, 3) int out_error(int code, const char *fmt, ...);
/* Remarks for people only, to stderr; nothing with -j. */
__printf(1, 2) void out_note(const char *fmt, ...);
/* The same to stdout. */
__printf(1, 2) void out_text(const char *fmt, ...);
/* What the kernel answered to a request: prints its text and picks the exit code for @error (positive or negative errno). */
int out_kernel_error(const char *what, int error, const char *text);
int exit_code_of(int error);

/* What became of one change. @result: "done", "already", "planned", "queued"; with a code "refused", "failed", "timeout". */
struct outcome {
	const char *action;
	const char *target;
	const char *result;
	int code;
	const char *message;
	const struct reasons *reasons;
	uint64_t elapsed_ms;
	uint32_t op;
};

void out_outcome(const struct outcome *outcome);

/* Reasons as "blocked  swap  culprit / fix:" lines. */
void out_reasons(const struct reasons *reasons, uint64_t forced);

/* Many targets, one exit code: that of the first failure if nothing succeeded, else partial. */
struct tally {
	unsigned int done;
	unsigned int failed;
	int code;
};

void tally_add(struct tally *tally, int code);
int tally_code(const struct tally *tally);

#define TABLE_COLUMNS 20

struct table {
	unsigned int columns;
	unsigned int rows;
	char *(*cells)[TABLE_COLUMNS];
};

/* Cells are copied; NULL or "" prints as "-". */
void table_row(struct table *table, const char *const *cells, unsigned int n);
/* Both empty it. */
void table_print(struct table *table);
void table_free(struct table *table);

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD };

/* "12.5K", "128M"; exact multiples without fraction. @buf of at least 24. */
const char *size_text(uint64_t bytes, char *buf, size_t size);
json_t *json_text(const char *text);
json_t *json_u64(uint64_t value);
json_t *json_reasons(const struct reasons *reasons);

#endif
