/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ACT_H
#define ACT_H

/*
 * What several commands do: choose functions, judge them with what the host needs, run an operation and report what became of it.
 */

#include "model.h"
#include "nl.h"
#include "out.h"

/* Connect, or say why not; returns an exit code. */
int need_kernel(void);

/* The functions of the host and which of them the command is about. */
struct selection {
	struct dev_list list;
	bool *marked;
	bool *handled;
	unsigned int nr;
};

/*
 * How many words of @argv are selectors: up to the first of @keywords (a NULL terminated list). Syntax only. None at all, or one that is written
 * wrong, is EXIT_USAGE; with @required unset there may be none.
 */
int selection_words(int argc, char **argv, const char *const *keywords, bool required, int *used);
/*
 * Read the functions of the host, with the reasons of host safety added, and mark what the @nr selectors in @argv match. One that matches nothing is
 * EXIT_NOT_FOUND.
 */
int selection_load(struct selection *selection, int nr, char **argv);
void selection_free(struct selection *selection);
/* Others of its isolation set that could be given to a VM, too; marked handled. Addresses go to @companions; returns how many. */
unsigned int selection_companions(struct selection *selection, const struct dev *dev, const struct dev **companions, unsigned int max);

/* A set goes as a whole: @dev and its claimed companions (MAX_SET at most), and their addresses for an operation; returns how many. */
#define MAX_SET 64
unsigned int selection_claimed(struct selection *selection, const struct dev *dev, const struct dev **all, char (*addresses)[ADDRESS_SIZE]);
/* All VMs; an exit code. */
int load_vms(struct vm_list *list);

/* A part of the platform, which no VM can have. */
bool dev_is_platform(const struct dev *dev);
/* Does @reason refuse a claim, given what is forced? */
bool reason_refuses(const struct reason *reason);
bool dev_is_refused(const struct dev *dev);

/* Send @request, wait, print what became of it; returns an exit code. @note is printed with success. */
int run_op(const struct op_request *request, const char *action, const char *target, const char *note);
/* The same for a step of something larger: prints failures only, and waits even if the user does not want to. */
int run_step(const struct op_request *request, const char *action, const char *target);
/* The other results of a change that asks the kernel nothing. */
int report(const char *action, const char *target, const char *result, int code, const char *message, const struct reasons *reasons);
/* Outcome of a request that the kernel answers at once. */
int report_request(const char *action, const char *target, int ret);

/* "0000:86:00.0, 0000:86:00.1" */
const char *list_addresses(const struct dev *const *devs, unsigned int nr, char *buf, size_t size);

#endif
