// SPDX-License-Identifier: GPL-2.0
/*
 * directpath: options, objects, batches. See directpath(8).
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "help.h"
#include "names.h"
#include "nl.h"
#include "out.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#define WAIT_DEFAULT 60
#define MAX_WORDS 256

struct options options = { .wait_s = WAIT_DEFAULT };

/* Of the program, not of one command. */
static struct {
	const char *batch;
	bool keep_going;
	bool version;
	bool help;
} program;

bool abbreviates(const char *word, const char *full)
{
	return *word && !strncmp(word, full, strlen(word));
}

int bad_word(const char *word, const char *expected)
{
	return out_error(EXIT_USAGE, "'%s' is not understood here; expected %s", word, expected);
}

bool parse_u32(const char *text, uint32_t *value)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	n = strtoull(text, &end, 10);
	*value = (uint32_t)n;
	return !*end && n <= UINT32_MAX && end - text <= 10;
}

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned int shift = 0;
	char *end;

	if (!strcmp(text, "none")) {
		*bytes = 0;
		return true;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	*bytes = strtoull(text, &end, 10);
	if (end - text > 19)
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || (end[1] && strcmp(end + 1, "iB") && strcmp(end + 1, "B")))
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (shift && *bytes >> (64 - shift))
		return false;
	*bytes <<= shift;
	return *bytes;
}

bool parse_duration_ms(const char *text, uint32_t *ms)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	n = strtoull(text, &end, 10);
	if (end - text > 9)
		return false;
	if (!*end || !strcmp(end, "s"))
		n *= 1000;
	else if (strcmp(end, "ms"))
		return false;
	*ms = (uint32_t)n;
	return n <= UINT32_MAX;
}

bool parse_switch(const char *text, uint32_t *value)
{
	*value = !strcmp(text, "on");
	return *value || !strcmp(text, "off");
}

int run_verb(const struct verb *verbs, const char *object, const struct verb *fallback, int argc, char **argv)
{
	const struct verb *verb;

	if (!argc)
		return fallback->run(0, argv);
	if (!strcmp(argv[0], "help"))
		return help_object(object);
	for (verb = verbs; verb->name; verb++)
		if (!strcmp(argv[0], verb->name))
			break;
	for (verb = verb->name ? verb : verbs; verb->name; verb++) {
		if (!abbreviates(argv[0], verb->name))
			continue;
		if (argc == 2 && !strcmp(argv[1], "help"))
			return help_object(object);
		return verb->run(argc - 1, argv + 1);
	}
	return out_error(EXIT_USAGE, "'%s' is no verb of %s; try: directpath %s help", argv[0], object, object);
}

static int run_help(int argc, char **argv)
{
	return help_object(argc ? argv[0] : NULL);
}

int help_object(const char *object)
{
	const char *text = help_text(object);

	if (!text)
		return out_error(EXIT_USAGE, "there is no help on '%s'; objects are host, dev, vm, stats, monitor", object);
	if (out_json())
		json_object_set_new(out_json(), "help", json_string(text));
	out_text("%s", text);
	return EXIT_DONE;
}

static int run_object(int argc, char **argv)
{
	static const struct verb objects[] = {
		{ "host", cmd_host }, { "dev", cmd_dev }, { "vm", cmd_vm }, { "stats", cmd_stats }, { "monitor", cmd_monitor },
		{ "help", run_help }, {},
	};
	const struct verb *object;

	if (!argc)
		return cmd_dev(0, argv);
	for (object = objects; object->name; object++)
		if (abbreviates(argv[0], object->name))
			return object->run(argc - 1, argv + 1);
	return out_error(EXIT_USAGE, "there is no object '%s'; try: directpath help", argv[0]);
}

/* --- options --- */

static int parse_force(const char *list)
{
	char *copy = strdup(list), *word, *rest = copy;
	int code, ret = EXIT_DONE;

	while (!ret && copy && (word = strsep(&rest, ","))) {
		code = reason_by_name(word);
		if (code < 0)
			ret = out_error(EXIT_USAGE, "--force: there is no reason '%s'; name what is to be overridden, as dev check prints it", word);
		else
			options.force |= 1ULL << code;
	}
	free(copy);
	return ret;
}

static int parse_wait(const char *text)
{
	uint32_t seconds;

	if (!parse_u32(text, &seconds))
		return out_error(EXIT_USAGE, "-w '%s': seconds, 0 does not wait", text);
	options.wait_s = seconds;
	return EXIT_DONE;
}

/* Value of an option that wants one: "--wait=5" or "--wait 5"; NULL if the word is not @name, *@missing if nothing follows it. */
static const char *option_value(const char *name, int *arg, int argc, char **argv, bool *missing)
{
	const char *word = argv[*arg];
	size_t len = strlen(name);

	*missing = false;
	if (strncmp(word, name, len))
		return NULL;
	if (word[len] == '=')
		return word + len + 1;
	if (word[len])
		return NULL;
	if (*arg + 1 >= argc) {
		*missing = true;
		return NULL;
	}
	return argv[++*arg];
}

static int parse_valued(int *arg, int argc, char **argv, bool *known)
{
	static const char *const names[] = { "--force", "--wait", "-w", "--batch", "-b" };
	const char *value;
	bool missing;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		value = option_value(names[i], arg, argc, argv, &missing);
		*known = value || missing;
		if (missing)
			return out_error(EXIT_USAGE, "%s needs a value", names[i]);
		if (!value)
			continue;
		if (i == 0)
			return parse_force(value);
		if (i <= 2)
			return parse_wait(value);
		program.batch = value;
		return EXIT_DONE;
	}
	return EXIT_DONE;
}

static bool parse_plain(const char *word)
{
	static const struct {
		const char *brief;
		const char *name;
		bool *flag;
	} flags[] = {
		{ "-j", "--json", &out_options.json }, { "-p", "--pretty", &out_options.pretty }, { NULL, "--dry-run", &options.dry_run },
		{ "-k", "--keep-going", &program.keep_going }, { "-V", "--version", &program.version }, { "-h", "--help", &program.help },
		{ "-ts", "--timestamp", &options.date },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (strcmp(word, flags[i].name) && (!flags[i].brief || strcmp(word, flags[i].brief)))
			continue;
		*flags[i].flag = true;
		return true;
	}
	return false;
}

/* Take the options out of @argv, wherever they stand; what is left is the command. */
static int take_options(int *argc, char **argv)
{
	int arg, kept = 0, ret;
	bool known;

	for (arg = 0; arg < *argc; arg++) {
		if (argv[arg][0] != '-' || !argv[arg][1] || parse_plain(argv[arg])) {
			if (argv[arg][0] != '-' || !argv[arg][1])
				argv[kept++] = argv[arg];
			continue;
		}
		if (!strcmp(argv[arg], "--force"))
			return out_error(EXIT_USAGE, "--force=REASON[,REASON..]: name what is to be overridden, as dev check prints it");
		ret = parse_valued(&arg, *argc, argv, &known);
		if (ret)
			return ret;
		if (!known)
			return out_error(EXIT_USAGE, "there is no option '%s'; try: directpath help", argv[arg]);
	}
	*argc = kept;
	return EXIT_DONE;
}

static bool prescan_json(int argc, char **argv)
{
	int arg;

	for (arg = 1; arg < argc; arg++)
		if (!strcmp(argv[arg], "-j") || !strcmp(argv[arg], "--json"))
			return true;
	return false;
}

/* --- batches --- */

/* Split a line into words; quotes as in the shell, # to the end of the line. -1: a quote is open, or too many words. */
static int split_line(char *line, char **words)
{
	char *in = line, *out;
	int n = 0;

	for (;;) {
		in += strspn(in, " \t\n");
		if (!*in || *in == '#')
			return n;
		if (n == MAX_WORDS)
			return -1;
		out = in;
		words[n++] = out;
		while (*in && !strchr(" \t\n", *in)) {
			if (*in == '"' || *in == '\'') {
				char quote = *in++;

				while (*in && *in != quote)
					*out++ = *in++;
				if (!*in++)
					return -1;
			} else {
				*out++ = *in++;
			}
		}
		if (*in)
			in++;
		*out = '\0';
	}
}

/* Options on a line are for that line. */
static int run_line(char *line)
{
	const struct options saved = options;
	char *words[MAX_WORDS];
	int argc, ret;

	argc = split_line(line, words);
	if (!argc)
		return -1;
	out_begin();
	if (argc < 0) {
		ret = out_error(EXIT_USAGE, "a quote is not closed, or too many words");
	} else {
		ret = take_options(&argc, words);
		if (!ret)
			ret = run_object(argc, words);
	}
	out_end();
	options = saved;
	return ret;
}

static int run_batch(void)
{
	FILE *file = strcmp(program.batch, "-") ? fopen(program.batch, "re") : stdin;
	struct tally tally = {};
	unsigned int number = 0;
	char *line = NULL;
	size_t size = 0;
	int ret;

	if (!file) {
		out_begin();
		ret = out_error(EXIT_USAGE, "cannot read %s", program.batch);
		out_end();
		return ret;
	}
	while (getline(&line, &size, file) >= 0) {
		number++;
		ret = run_line(line);
		if (ret < 0)
			continue;
		tally_add(&tally, ret);
		if (!ret)
			continue;
		out_note("directpath: line %u failed", number);
		if (!program.keep_going)
			break;
	}
	free(line);
	if (file != stdin)
		fclose(file);
	return tally_code(&tally);
}

static int run_command(int argc, char **argv)
{
	int ret;

	out_options.json = prescan_json(argc, argv);
	out_begin();
	argc--;
	argv++;
	ret = take_options(&argc, argv);
	if (ret) {
		/* said already */
	} else if (program.version) {
		out_text("directpath " VERSION "\n");
		if (out_json())
			json_object_set_new(out_json(), "version", json_string(VERSION));
	} else if (program.help) {
		ret = help_object(argc ? argv[0] : NULL);
	} else if (program.batch) {
		if (!argc) {
			out_discard();
			return run_batch();
		}
		ret = out_error(EXIT_USAGE, "-b FILE takes its commands from the file; '%s' is one too many", argv[0]);
	} else {
		ret = run_object(argc, argv);
	}
	out_end();
	return ret;
}

int main(int argc, char **argv)
{
	int ret;

	out_options.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	ret = run_command(argc, argv);
	kernel_disconnect();
	if (fflush(stdout) || ferror(stdout))
		return ret ? ret : EXIT_KERNEL;
	return ret;
}
