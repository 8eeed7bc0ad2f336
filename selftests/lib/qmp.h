/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_QMP_H
#define DPATH_TEST_QMP_H

/*
 * The QEMU that this machine runs in, asked through the port that bed/qmp uses, without its shell and jq: they take seconds of a busy machine.
 */

#include <stdbool.h>

/* A command and its arguments, key=value, parted by blanks; all are strings. False: it is refused, and what QEMU says is printed. */
bool qmp(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for a question whose refusal is an answer. */
bool qmp_asks(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line for the human monitor, of those that answer OK. */
bool qmp_monitor(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An NVMe controller whose disk reads as zeroes, with a drive of its own: QEMU frees a drive some time after it has lost the device. */
bool qmp_add_nvme(const char *id, const char *bus);

#endif
