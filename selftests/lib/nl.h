/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_NL_H
#define DPATH_TEST_NL_H

/*
 * Requests of the generic netlink family `directpath', and its events. libnl makes and parses messages; they are received here, because the text of
 * a refusal and the error of a dump are what is tested.
 */

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/directpath_nl.h>

#define CTL_REASONS 24

struct ctl_reason {
	uint32_t code;
	bool blocking;
	bool forceable;
	char culprit[96];
	char fix[96];
};

/**
 * struct ctl_result - what the kernel said to the last request of this process
 * @error: 0 or -errno
 * @op: the operation whose end said so, or 0 for an answer to the request itself
 * @text: of the refusal, or empty
 * @missing: attribute that was missing, or 0
 * @offset: in the request, of the attribute that was refused, or 0
 * @nr_reasons: reasons of a refused claim
 * @reasons: these
 */
struct ctl_result {
	int error;
	uint32_t op;
	char text[256];
	unsigned int missing;
	unsigned int offset;
	unsigned int nr_reasons;
	struct ctl_reason reasons[CTL_REASONS];
};

extern struct ctl_result ctl_last;

/* In a test of the harness: so said the kernel. */
#define EXPECT_TEXT(said) EXPECT_IN(said, ctl_last.text)

/* A message that answers a request: its attributes by type. */
typedef void (*ctl_handler)(struct nlattr **attrs, void *arg);

/* A request, to be filled with nla_put_*(). */
struct nl_msg *ctl_request(int cmd);
/* Send it, call @handler for each answer, wait for the end. Frees @msg. */
int __ctl_do(struct nl_msg *msg, ctl_handler handler, void *arg);
int __ctl_dump(struct nl_msg *msg, ctl_handler handler, void *arg);
void ctl_do(struct nl_msg *msg, ctl_handler handler, void *arg);
/* The same for a request that is answered with an operation's number in @attr; waits for the operation's end. */
int __ctl_op(struct nl_msg *msg, int attr);
/* The number only. */
int __ctl_queue(struct nl_msg *msg, int attr, uint32_t *id);
/* The end of operation @id, into ctl_last. */
int __ctl_wait(uint32_t id);

const char *ctl_string(struct nlattr *attr);
uint32_t ctl_u32(struct nlattr *attr);
uint64_t ctl_u64(struct nlattr *attr);
void ctl_copy(char *to, size_t size, struct nlattr *attr);
/* Reasons are nested attributes that occur many times: all of @type in the message that is being handled. */
unsigned int ctl_reasons(int type, struct ctl_reason *reasons, unsigned int max);
/* So are vectors. */
struct dev_vector;
unsigned int ctl_vectors(int type, struct dev_vector *vectors, unsigned int max);
/* All nested attributes of @type in the message that is being handled, parsed up to @max, go to @take. */
void ctl_each(int type, int max, void (*take)(struct nlattr **attrs, void *arg), void *arg);
/* Strings that occur many times. */
unsigned int ctl_strings(int type, char (*strings)[16], unsigned int max);
/* Are @size bytes like @bytes anywhere in the reply to a request about one object? */
bool ctl_reply_holds(int cmd, int attr, const char *object, const void *bytes, size_t size);
bool ctl_has_reason(const struct ctl_reason *reasons, unsigned int nr, uint32_t code);

/* --- events --- */

struct ctl_event {
	int cmd;
	uint64_t seq;
	char address[16];
	char vm[32];
	char cause[128];
	uint32_t state;
	bool changed;
	uint32_t prev;
	uint32_t op;
	int error;
	char message[256];
	bool deleted;
	uint32_t kind;
	uint64_t count;
	bool has_status;
	uint32_t status;
	uint64_t iova;
	bool write;
	uint32_t action;
};

/* A subscription to the group `state'. */
struct nl_sock *ctl_listen(void);
/* The same to the group `fault'. */
struct nl_sock *ctl_listen_faults(void);
void ctl_unlisten(struct nl_sock *sock);
/* The next event within @ms; false: there is none. */
bool ctl_event_next(struct nl_sock *sock, struct ctl_event *event, int ms);

#endif
