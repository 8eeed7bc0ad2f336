/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <stdint.h>

/* Options that any command can have. */
struct options {
	bool dry_run;
	uint64_t force;		/* bitmap of reasons */
	unsigned int wait_s;
	bool date;		/* -ts: whole dates in the monitor */
};

extern struct options options;

/* Return an exit code (out.h). @argv is what follows the verb. */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
};

/* Find the verb that argv[0] abbreviates and run it; @fallback without any. */
int run_verb(const struct verb *verbs, const char *object, const struct verb *fallback, int argc, char **argv);
/* Is @word an abbreviation of @full? */
bool abbreviates(const char *word, const char *full);
/* A word that means nothing here. */
int bad_word(const char *word, const char *expected);
/* Whole numbers with K, M, G, T; "none" is 0. */
bool parse_size(const char *text, uint64_t *bytes);
bool parse_u32(const char *text, uint32_t *value);
/* "30", "30s", "500ms" */
bool parse_duration_ms(const char *text, uint32_t *ms);
bool parse_switch(const char *text, uint32_t *value);

int help_object(const char *object);

int cmd_host(int argc, char **argv);
int cmd_dev(int argc, char **argv);
int cmd_vm(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_monitor(int argc, char **argv);

#endif
