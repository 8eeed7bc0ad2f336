// SPDX-License-Identifier: GPL-2.0
/*
 * Output: text and tables, or one JSON object a command.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "out.h"

struct out_options out_options;

static json_t *root;
static bool lines;

static void print_object(json_t *object, size_t flags)
{
	json_dumpf(object, stdout, JSON_PRESERVE_ORDER | flags);
	putchar('\n');
	fflush(stdout);
}

void out_begin(void)
{
	lines = false;
	root = NULL;
	if (!out_options.json)
		return;
	root = json_object();
	json_object_set_new(root, "schema", json_integer(1));
}

json_t *out_json(void)
{
	return root;
}

/* A command that printed lines has nothing left to say but an error. */
void out_end(void)
{
	if (root && (!lines || json_object_get(root, "error")))
		print_object(root, out_options.pretty ? JSON_INDENT(2) : JSON_COMPACT);
	json_decref(root);
	root = NULL;
	fflush(stdout);
}

void out_discard(void)
{
	json_decref(root);
	root = NULL;
}

void out_json_line(json_t *object)
{
	lines = true;
	print_object(object, JSON_COMPACT);
	json_decref(object);
}

static const char *code_kind(int code)
{
	static const char *const kinds[] = {
		[EXIT_DONE] = "done",
		[EXIT_USAGE] = "usage",
		[EXIT_KERNEL] = "kernel",
		[EXIT_NOT_FOUND] = "not-found",
		[EXIT_REFUSED] = "refused",
		[EXIT_BUSY] = "busy",
		[EXIT_PARTIAL] = "partial",
	};

	return kinds[code];
}

int out_error(int code, const char *fmt, ...)
{
	char message[1024];
	json_t *error;
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (!out_options.json) {
		fflush(stdout);
		fprintf(stderr, "directpath: %s\n", message);
		return code;
	}
	if (root && !json_object_get(root, "error")) {
		error = json_object();
		json_object_set_new(error, "code", json_integer(code));
		json_object_set_new(error, "kind", json_string(code_kind(code)));
		json_object_set_new(error, "message", json_text(message));
		json_object_set_new(root, "error", error);
	}
	return code;
}

void out_note(const char *fmt, ...)
{
	va_list args;

	if (out_options.json)
		return;
	fflush(stdout);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void out_text(const char *fmt, ...)
{
	va_list args;

	if (out_options.json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

int exit_code_of(int error)
{
	switch (abs(error)) {
	case 0:
		return EXIT_DONE;
	case ENOENT:
	case ENODEV:
		return EXIT_NOT_FOUND;
	case EPERM:
	case EACCES:
	case EDQUOT:
		return EXIT_REFUSED;
	case EBUSY:
	case EAGAIN:
	case ETIME:
	case ETIMEDOUT:
		return EXIT_BUSY;
	default:
		return EXIT_KERNEL;
	}
}

int out_kernel_error(const char *what, int error, const char *text)
{
	int code = exit_code_of(error);

	if (text && *text)
		return out_error(code, "%s: %s", what, text);
	return out_error(code, "%s: %s", what, strerror(abs(error)));
}

static const char *past_tense(const struct outcome *outcome)
{
	static const char *const words[][2] = {
		{ "claim", "claimed" }, { "release", "released" }, { "reset", "reset" }, { "recover", "recovered" }, { "set", "set" },
		{ "attach", "attached" }, { "detach", "detached" }, { "add", "added" }, { "del", "removed" }, { "accept", "accepted" }, { "clean", "cleaned" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i][0], outcome->action))
			return words[i][1];
	return outcome->action;
}

static void print_outcome(const struct outcome *o)
{
	const char *message = o->message && *o->message ? o->message : NULL;

	if (!strcmp(o->result, "done"))
		out_text("%s %s", o->target, past_tense(o));
	else if (!strcmp(o->result, "already"))
		out_text("%s already %s", o->target, past_tense(o));
	else if (!strcmp(o->result, "planned"))
		out_text("plan: %s %s", o->action, o->target);
	else
		out_text("%s: %s %s as operation %u", o->target, o->action, o->result, o->op);
	if (o->elapsed_ms)
		out_text(" (%llu ms)", ULL(o->elapsed_ms));
	out_text("%s%s\n", message ? ": " : "", message ? message : "");
}

/* The kernel's texts begin with the function that they are about; once is enough in a line. */
static const char *message_text(const struct outcome *o)
{
	size_t len = strcspn(o->target, ", ");

	if (!o->message)
		return "";
	if (!strncmp(o->message, o->target, len) && !strncmp(o->message + len, ": ", 2))
		return o->message + len + 2;
	return o->message;
}

void out_outcome(const struct outcome *o)
{
	json_t *results, *result;
	const char *message;

	message = message_text(o);
	if (o->code)
		out_error(o->code, "%s: %s %s%s%s", o->target, o->action, o->result, *message ? ": " : "", message);
	if (!root) {
		if (!o->code)
			print_outcome(o);
		return;
	}
	results = json_object_get(root, "results");
	if (!results) {
		results = json_array();
		json_object_set_new(root, "results", results);
	}
	result = json_object();
	json_object_set_new(result, "target", json_text(o->target));
	json_object_set_new(result, "action", json_text(o->action));
	json_object_set_new(result, "result", json_text(o->result));
	if (o->message && *o->message)
		json_object_set_new(result, "message", json_text(o->message));
	if (o->op)
		json_object_set_new(result, "op", json_integer(o->op));
	if (o->elapsed_ms)
		json_object_set_new(result, "elapsed_ms", json_u64(o->elapsed_ms));
	if (o->reasons && o->reasons->nr)
		json_object_set_new(result, "reasons", json_reasons(o->reasons));
	json_array_append_new(results, result);
}

static const char *escape(enum colour colour)
{
	if (!out_options.colour)
		return "";
	switch (colour) {
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARN:
		return "\033[33m";
	case COLOUR_BAD:
		return "\033[31m";
	default:
		return "\033[0m";
	}
}

void out_reasons(const struct reasons *reasons, uint64_t forced)
{
	unsigned int i;

	for (i = 0; i < reasons->nr; i++) {
		const struct reason *r = &reasons->v[i];
		bool lifted = r->blocking && r->forceable && forced & 1ULL << r->code;
		bool soft = r->forceable || reason_is_consentable(r->code);
		const char *word = !r->blocking ? "note" : lifted ? "forced" : soft ? "risky" : "blocked";
		enum colour colour = !r->blocking || lifted ? COLOUR_NONE : soft ? COLOUR_WARN : COLOUR_BAD;

		out_text("  %s%-8s%s %-18s %s\n", escape(colour), word, escape(COLOUR_NONE), reason_name(r->code), r->culprit);
		if (r->fix[0])
			out_text("           fix: %s\n", r->fix);
		if (r->blocking && r->forceable && !lifted)
			out_text("           or:  --force=%s\n", reason_name(r->code));
	}
}

void tally_add(struct tally *tally, int code)
{
	if (!code) {
		tally->done++;
		return;
	}
	tally->failed++;
	if (!tally->code)
		tally->code = code;
}

int tally_code(const struct tally *tally)
{
	if (!tally->failed)
		return EXIT_DONE;
	return tally->done ? EXIT_PARTIAL : tally->code;
}

void table_row(struct table *table, const char *const *cells, unsigned int n)
{
	unsigned int i;

	table->cells = xrealloc(table->cells, table->rows + 1, sizeof(*table->cells));
	for (i = 0; i < TABLE_COLUMNS; i++) {
		const char *cell = i < n ? cells[i] : "";

		table->cells[table->rows][i] = strdup(cell && *cell ? cell : i < n ? "-" : "");
		if (!table->cells[table->rows][i])
			abort();
	}
	table->rows++;
	if (n > table->columns)
		table->columns = n;
}

static enum colour cell_colour(const char *cell)
{
	static const struct {
		const char *word;
		enum colour colour;
	} words[] = {
		{ "ok", COLOUR_GOOD }, { "ok-set", COLOUR_GOOD }, { "running", COLOUR_GOOD }, { "risky", COLOUR_WARN }, { "dirty", COLOUR_WARN },
		{ "blocked", COLOUR_BAD }, { "quarantined", COLOUR_BAD }, { "failed", COLOUR_BAD },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, cell))
			return words[i].colour;
	return COLOUR_NONE;
}

void table_free(struct table *table)
{
	unsigned int row, i;

	for (row = 0; row < table->rows; row++)
		for (i = 0; i < TABLE_COLUMNS; i++)
			free(table->cells[row][i]);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}

/* The last column is not padded, so that lines have no trailing blanks. */
void table_print(struct table *table)
{
	int width[TABLE_COLUMNS] = {};
	unsigned int row, i, last;

	for (row = 0; row < table->rows; row++)
		for (i = 0; i < table->columns; i++)
			if ((int)strlen(table->cells[row][i]) > width[i])
				width[i] = (int)strlen(table->cells[row][i]);
	for (row = 0; row < table->rows; row++) {
		for (last = table->columns; last > 1 && !table->cells[row][last - 1][0]; last--)
			;
		for (i = 0; i < last; i++) {
			const char *cell = table->cells[row][i];
			enum colour colour = row ? cell_colour(cell) : COLOUR_NONE;

			out_text("%s%s%s", colour ? escape(colour) : "", cell, colour ? escape(COLOUR_NONE) : "");
			if (i + 1 < last)
				out_text("%*s", width[i] - (int)strlen(cell) + 2, "");
		}
		out_text("\n");
	}
	table_free(table);
}

const char *size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "\0KMGTPE";
	unsigned int unit = 0;
	uint64_t rest = 0;

	while (bytes >= 1024 && units[unit + 1]) {
		rest = bytes % 1024;
		bytes /= 1024;
		unit++;
	}
	if (rest)
		snprintf(buf, size, "%llu.%llu%c", ULL(bytes), ULL(rest * 10 / 1024), units[unit]);
	else if (unit)
		snprintf(buf, size, "%llu%c", ULL(bytes), units[unit]);
	else
		snprintf(buf, size, "%llu", ULL(bytes));
	return buf;
}

/* Text that is not UTF-8 (a name in sysfs can be anything) still has to become JSON. */
json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy, *p;

	if (string)
		return string;
	copy = strdup(text);
	if (!copy)
		abort();
	for (p = copy; *p; p++)
		if (*p & 0x80)
			*p = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

/* JSON integers of jansson are signed; a counter above that is not reached in practice, an "unlimited" could be. */
json_t *json_u64(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *json_reasons(const struct reasons *reasons)
{
	json_t *array = json_array(), *reason;
	unsigned int i;

	for (i = 0; i < reasons->nr; i++) {
		const struct reason *r = &reasons->v[i];

		reason = json_object();
		json_object_set_new(reason, "code", json_string(reason_name(r->code)));
		json_object_set_new(reason, "blocking", json_boolean(r->blocking));
		json_object_set_new(reason, "forceable", json_boolean(r->forceable));
		json_object_set_new(reason, "culprit", json_text(r->culprit));
		json_object_set_new(reason, "fix", json_text(r->fix));
		json_array_append_new(array, reason);
	}
	return array;
}
