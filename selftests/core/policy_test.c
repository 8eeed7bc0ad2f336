// SPDX-License-Identifier: GPL-2.0
/*
 * Every attribute of every request, by the policy that the kernel itself tells: what each type can be given wrongly, in every request that takes it,
 * with error number, text and the attribute at fault. And by a table of what each means: a value that makes no sense, and a good one from somebody who
 * may not. An attribute that is not in the table fails the test.
 */
#include "kselftest_harness.h"

#include <linux/directpath_nl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "libdpath.h"

#define VM "t-policy"
#define NOWHERE "0000:ff:1f.7"
#define EDU "\001" /* stands for the address of the edu */
#define MAX_ATTRS 128

/**
 * struct attr - what the kernel says about one attribute of one request
 */
struct attr {
	int cmd;
	int type;
	uint32_t kind; /* enum netlink_attribute_type */
	bool ranged;
	uint64_t min, max;
	uint32_t min_len, max_len;
};

/**
 * struct meaning - what a request makes of an attribute
 * @text: a value for strings, or NULL
 * @number: a value for the others
 * @error: what a value that the policy lets through and that makes no sense is answered with; 0: there is none
 * @bad: such a value
 * @says: words of the text then
 * @with: attribute that the request needs besides, and its value
 */
static const struct meaning {
	int cmd;
	int type;
	const char *text;
	uint64_t number;
	int error;
	const char *bad;
	uint64_t bad_number;
	const char *says;
	int with;
	const char *with_text;
} meanings[] = {
#define A(_cmd, _type, ...) { .cmd = DIRECTPATH_CMD_##_cmd, .type = DIRECTPATH_A_##_type, ## __VA_ARGS__ }
#define ADDRESS(_cmd) A(_cmd, DEV_ADDRESS, .text = EDU, .error = -EINVAL, .bad = "nonsense", .says = "'nonsense' is no address"), \
	A(_cmd, DEV_ADDRESS, .text = EDU, .error = -ENODEV, .bad = NOWHERE, .says = "no function " NOWHERE)
#define OF_EDU .with = DIRECTPATH_A_DEV_ADDRESS, .with_text = EDU
#define VM_NAME(_cmd) A(_cmd, VM_NAME, .text = VM, .error = -ENOENT, .bad = "t-none", .says = "t-none")
#define OF_VM .with = DIRECTPATH_A_VM_NAME, .with_text = VM
#define OF_NEW_VM .with = DIRECTPATH_A_VM_NAME, .with_text = "t-policy-2"
	A(HOST_SET, HOST_ADHOC, .number = 1),
	A(HOST_SET, HOST_UNSAFE_INTERRUPTS, .number = 1),
	A(HOST_SET, HOST_VECTOR_BUDGET, .number = 100),
	A(HOST_SET, HOST_UNBIND_DEADLINE_MS, .number = 1000),
	A(HOST_SET, HOST_RESET_DEADLINE_MS, .number = 1000),
	A(HOST_SET, HOST_REVOKE_DEADLINE_MS, .number = 1000),
	ADDRESS(DEV_GET),
	ADDRESS(DEV_CLAIM),
	A(DEV_CLAIM, DEV_UNBIND, OF_EDU),
	A(DEV_CLAIM, DEV_WHOLE_SET, OF_EDU),
	A(DEV_CLAIM, DEV_FORCE, .number = 1, OF_EDU),
	ADDRESS(DEV_RELEASE),
	A(DEV_RELEASE, DEV_WHOLE_SET, OF_EDU),
	A(DEV_RELEASE, DEV_FORCE, .number = 1, OF_EDU),
	A(DEV_RELEASE, DEV_KEEP_DRIVERLESS, OF_EDU),
	A(DEV_SET, DEV_ADDRESS, .text = EDU, .error = -ENODEV, .bad = NOWHERE, .says = "no function", .with = DIRECTPATH_A_DEV_LABEL,
	  .with_text = "x"),
	A(DEV_SET, DEV_NAME, .text = "n", .error = -EINVAL, .bad = "a b", .says = "name: letters, digits", OF_EDU),
	A(DEV_SET, DEV_LABEL, .text = "n", .error = -EINVAL, .bad = "a/b", .says = "label: letters, digits", OF_EDU),
	A(DEV_SET, DEV_RESET_POLICY, .text = "flr", .error = -EINVAL, .bad = "warp", .says = "warp", OF_EDU),
	A(DEV_SET, DEV_CLEAN_HOOK, .text = "nvme-format", .error = -EINVAL, .bad = "../sh", .says = "clean-hook", OF_EDU),
	A(DEV_SET, DEV_STORM_RATE, .number = 1000, OF_EDU),
	A(DEV_SET, DEV_STORM_BACKOFF, .number = 20, OF_EDU),
	A(DEV_SET, DEV_STORM_DEFAULT, OF_EDU),
	A(DEV_SET, DEV_ERROR_POLICY, .number = 1, OF_EDU),
	A(DEV_SET, DEV_FAULT_LIMIT, .number = 5, OF_EDU),
	ADDRESS(DEV_RESET),
	ADDRESS(DEV_RECOVER),
	ADDRESS(DEV_ACCEPT),
	ADDRESS(DEV_CLEAN),
	A(DEV_CLEAN, DEV_CLEAN_STEP, .number = 1, OF_EDU),
	A(DEV_CLEAN, DEV_CLEAN_MESSAGE, .text = "x", .error = -EINVAL, .bad = "x", .says = "clean-step is missing", OF_EDU),
	A(VM_NEW, VM_NAME, .text = "t-policy-2", .error = -EINVAL, .bad = "a b", .says = "letters, digits"),
	A(VM_NEW, VM_NAME, .text = "t-policy-2", .error = -EEXIST, .bad = VM, .says = VM),
	A(VM_NEW, VM_UUID, .text = "0123456789abcdef", OF_NEW_VM),
	A(VM_NEW, VM_UID, .number = 1, .error = -EINVAL, .bad_number = 0xffffffff, .says = "uid 4294967295 is no user", OF_NEW_VM),
	A(VM_NEW, VM_GID, .number = 1, .error = -EINVAL, .bad_number = 0xffffffff, .says = "gid 4294967295 is no group", OF_NEW_VM),
	A(VM_NEW, VM_MAX_DEVICES, .number = 1, OF_NEW_VM),
	A(VM_NEW, VM_MAX_VECTORS, .number = 1, OF_NEW_VM),
	A(VM_NEW, VM_MAX_PINNED, .number = 1, OF_NEW_VM),
	A(VM_NEW, VM_CPUS, .text = "0", .error = -EINVAL, .bad = "0,x", .says = "'x' is no CPU", OF_NEW_VM),
	A(VM_NEW, VM_STORM_RATE, .number = 1000, OF_NEW_VM),
	A(VM_NEW, VM_STORM_BACKOFF, .number = 20, OF_NEW_VM),
	A(VM_NEW, VM_STORM_DEFAULT, OF_NEW_VM),
	A(VM_NEW, VM_ERROR_POLICY, .number = 1, OF_NEW_VM),
	A(VM_NEW, VM_FAULT_LIMIT, .number = 5, OF_NEW_VM),
	A(VM_SET, VM_NAME, .text = VM, .error = -EINVAL, .bad = VM, .says = "no setting given"),
	A(VM_SET, VM_UID, .number = 1, .error = -EINVAL, .bad_number = 0xffffffff, .says = "uid 4294967295 is no user", OF_VM),
	A(VM_SET, VM_GID, .number = 1, .error = -EINVAL, .bad_number = 0xffffffff, .says = "gid 4294967295 is no group", OF_VM),
	A(VM_SET, VM_MAX_DEVICES, .number = 1, OF_VM),
	A(VM_SET, VM_MAX_VECTORS, .number = 1, OF_VM),
	A(VM_SET, VM_MAX_PINNED, .number = 1, OF_VM),
	A(VM_SET, VM_CPUS, .text = "0", .error = -ERANGE, .bad = "0,8191", .says = "'8191': there is no such CPU", OF_VM),
	A(VM_SET, VM_STORM_RATE, .number = 1000, OF_VM),
	A(VM_SET, VM_STORM_BACKOFF, .number = 20, OF_VM),
	A(VM_SET, VM_STORM_DEFAULT, OF_VM),
	A(VM_SET, VM_ERROR_POLICY, .number = 1, OF_VM),
	A(VM_SET, VM_FAULT_LIMIT, .number = 5, OF_VM),
	VM_NAME(VM_DEL),
	VM_NAME(VM_GET),
	A(VM_ATTACH, VM_NAME, .text = VM, .error = -ENOENT, .bad = "t-none", .says = "t-none", .with = DIRECTPATH_A_VM_DEVICE, .with_text = EDU),
	A(VM_ATTACH, VM_DEVICE, .text = EDU, .error = -EINVAL, .bad = "nonsense", .says = "'nonsense' is no address", OF_VM),
	A(VM_DETACH, VM_NAME, .text = VM, .error = -ENOENT, .bad = "t-none", .says = "t-none", .with = DIRECTPATH_A_VM_DEVICE, .with_text = EDU),
	A(VM_DETACH, VM_DEVICE, .text = EDU, .error = -EINVAL, .bad = "nonsense", .says = "'nonsense' is no address", OF_VM),
	A(VM_DETACH, VM_FORCE, OF_VM),
	A(OP_GET, OP_ID, .number = 1, .error = -ENOENT, .bad_number = 0xfffffffe, .says = "operation 4294967294 is not among the last ones"),
	A(STATS_GET, STATS_ADDRESS, .text = EDU, .error = -EINVAL, .bad = "nonsense", .says = "'nonsense' is no address"),
	A(STATS_GET, STATS_VM, .text = VM, .error = -ENOENT, .bad = "t-none", .says = "there is no VM 't-none'"),
};

#define for_each_meaning(m) for (m = meanings; m < meanings + ARRAY_SIZE(meanings); m++)

FIXTURE(policy) {
	const char *edu;
	struct host_info before;
	unsigned int nr;
	struct attr attrs[MAX_ATTRS];
};

/* --- what the kernel says --- */

struct dump {
	struct attr *attrs; /* by policy, @cmd is its index */
	unsigned int nr;
	int policy_of[256]; /* by command */
};

static uint64_t number(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static void read_attr(struct dump *dump, int policy, struct nlattr *nest)
{
	struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1];
	struct attr *attr = &dump->attrs[dump->nr++];

	dp_assert(dump->nr <= MAX_ATTRS, "too many attributes");
	nla_parse_nested(tb, NL_POLICY_TYPE_ATTR_MAX, nest, NULL);
	*attr = (struct attr){ .cmd = policy, .type = nla_type(nest), .kind = ctl_u32(tb[NL_POLICY_TYPE_ATTR_TYPE]) };
	attr->ranged = tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U];
	attr->min = number(tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]);
	attr->max = number(tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]);
	attr->min_len = ctl_u32(tb[NL_POLICY_TYPE_ATTR_MIN_LENGTH]);
	attr->max_len = ctl_u32(tb[NL_POLICY_TYPE_ATTR_MAX_LENGTH]);
}

static int take_policy(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1], *op[CTRL_ATTR_POLICY_DUMP_MAX + 1], *one, *attr;
	struct dump *dump = arg;
	int left, left2;

	genlmsg_parse(nlmsg_hdr(msg), 0, tb, CTRL_ATTR_MAX, NULL);
	if (tb[CTRL_ATTR_OP_POLICY]) {
		nla_for_each_nested(one, tb[CTRL_ATTR_OP_POLICY], left) {
			nla_parse_nested(op, CTRL_ATTR_POLICY_DUMP_MAX, one, NULL);
			if (op[CTRL_ATTR_POLICY_DO])
				dump->policy_of[nla_type(one) & 0xff] = ctl_u32(op[CTRL_ATTR_POLICY_DO]);
		}
	}
	if (tb[CTRL_ATTR_POLICY])
		nla_for_each_nested(one, tb[CTRL_ATTR_POLICY], left)
			nla_for_each_nested(attr, one, left2)
				read_attr(dump, nla_type(one), attr);
	return NL_OK;
}

/* The policies, multiplied out to what each request takes. */
static void read_policy(struct attr *attrs, unsigned int *nr)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct attr shared[MAX_ATTRS];
	struct dump dump = { .attrs = shared };
	struct nl_msg *msg = nlmsg_alloc();
	unsigned int i, cmd;

	memset(dump.policy_of, 0xff, sizeof(dump.policy_of));
	dp_assert(sock && msg && !genl_connect(sock), "no generic netlink");
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_policy, &dump);
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, GENL_ID_CTRL, 0, NLM_F_DUMP, CTRL_CMD_GETPOLICY, 2);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, DIRECTPATH_FAMILY_NAME);
	dp_assert(nl_send_auto(sock, msg) > 0 && !nl_recvmsgs_default(sock), "the policy cannot be read");
	nlmsg_free(msg);
	nl_socket_free(sock);
	*nr = 0;
	for (cmd = 0; cmd < 256; cmd++) {
		for (i = 0; i < dump.nr; i++) {
			if (dump.policy_of[cmd] != shared[i].cmd)
				continue;
			dp_assert(*nr < MAX_ATTRS, "too many attributes");
			attrs[*nr] = shared[i];
			attrs[(*nr)++].cmd = cmd;
		}
	}
}

FIXTURE_SETUP(policy)
{
	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_EDU0");
	if (!self->edu)
		SKIP(return, "no edu on this machine");
	vm_new(VM, NULL);
	read_policy(self->attrs, &self->nr);
	ASSERT_LT(30, self->nr);
	host_get(&self->before);
}

FIXTURE_TEARDOWN_PARENT(policy)
{
	EXPECT_EQ(0, host_restore());
}

static bool is_unchanged(FIXTURE_DATA(policy) *self)
{
	struct host_info now;

	host_get(&now);
	return !memcmp(&now, &self->before, sizeof(now));
}

#define EXPECT_UNCHANGED() EXPECT_TRUE(is_unchanged(self))

/* --- what the policy forbids --- */

/* One attribute of these bytes in a request. */
static int send_raw(const struct attr *attr, int type, const void *bytes, int size)
{
	struct nl_msg *msg = ctl_request(attr->cmd);

	nla_put(msg, type, size, bytes);
	return __ctl_do(msg, NULL, NULL);
}

/* It was refused for that attribute, with that text. */
static bool refused(const struct attr *attr, const char *what, int ret, int error, const char *says)
{
	if (ret == error && ctl_last.offset && strstr(ctl_last.text, says))
		return true;
	fprintf(stderr, "# command %d attribute %d %s: %d '%s' at %u, not %d '%s'\n", attr->cmd, attr->type, what, ret, ctl_last.text,
		ctl_last.offset, error, says);
	return false;
}

static unsigned int width_of(const struct attr *attr)
{
	switch (attr->kind) {
	case NL_ATTR_TYPE_U8:
		return 1;
	case NL_ATTR_TYPE_U16:
		return 2;
	case NL_ATTR_TYPE_U32:
		return 4;
	case NL_ATTR_TYPE_U64:
		return 8;
	}
	return 0;
}

static unsigned int wrong_numbers(const struct attr *attr)
{
	unsigned int width = width_of(attr), wrong = 0;
	uint64_t value = 0;

	wrong += !refused(attr, "too short", send_raw(attr, attr->type, &value, width - 1), -EINVAL, "invalid attribute length");
	wrong += !refused(attr, "too long", send_raw(attr, attr->type, &value, width + 1), -EINVAL, "invalid attribute length");
	wrong += !refused(attr, "empty", send_raw(attr, attr->type, &value, 0), -EINVAL, "invalid attribute length");
	if (attr->ranged && attr->min) {
		value = attr->min - 1;
		wrong += !refused(attr, "too small", send_raw(attr, attr->type, &value, width), -ERANGE, "integer out of range");
	}
	if (attr->ranged && attr->max < UINT64_MAX >> (64 - 8 * width)) {
		value = attr->max + 1;
		wrong += !refused(attr, "too large", send_raw(attr, attr->type, &value, width), -ERANGE, "integer out of range");
	}
	return wrong;
}

static unsigned int wrong_strings(const struct attr *attr)
{
	/* One that has to end with a zero byte has to do so within its length. */
	int error = attr->kind == NL_ATTR_TYPE_NUL_STRING ? -EINVAL : -ERANGE;
	unsigned int wrong = 0, len = attr->max_len;
	char text[2048];

	dp_assert(len && len < 1024, "attribute %d of command %d: a string without end", attr->type, attr->cmd);
	memset(text, 'x', sizeof(text));
	wrong += !refused(attr, "much too long", send_raw(attr, attr->type, text, sizeof(text)), error, "validation");
	wrong += !refused(attr, "empty", send_raw(attr, attr->type, text, 0), error, "validation");
	if (attr->kind == NL_ATTR_TYPE_NUL_STRING)
		wrong += !refused(attr, "not terminated", send_raw(attr, attr->type, text, len), -EINVAL, "validation");
	text[len + 1] = '\0';
	wrong += !refused(attr, "too long", send_raw(attr, attr->type, text, len + 2), error, "validation");
	text[1] = '\0';
	wrong += !refused(attr, "long behind its end", send_raw(attr, attr->type, text, len + 2), -ERANGE, "validation");
	return wrong;
}

static unsigned int wrong_values(const struct attr *attr)
{
	char bytes[4096] = {};

	switch (attr->kind) {
	case NL_ATTR_TYPE_U8:
	case NL_ATTR_TYPE_U16:
	case NL_ATTR_TYPE_U32:
	case NL_ATTR_TYPE_U64:
		return wrong_numbers(attr);
	case NL_ATTR_TYPE_STRING:
	case NL_ATTR_TYPE_NUL_STRING:
		return wrong_strings(attr);
	case NL_ATTR_TYPE_FLAG:
		return !refused(attr, "with a value", send_raw(attr, attr->type, bytes, 4), -ERANGE, "validation");
	case NL_ATTR_TYPE_BINARY:
		return !refused(attr, "too short", send_raw(attr, attr->type, bytes, attr->min_len - 1), -ERANGE, "") +
		       !refused(attr, "too long", send_raw(attr, attr->type, bytes, attr->max_len + 1), -ERANGE, "");
	}
	fprintf(stderr, "# command %d attribute %d: a type (%u) for which there is no test\n", attr->cmd, attr->type, attr->kind);
	return 1;
}

TEST_F_TIMEOUT(policy, values_of_the_wrong_form, 60)
{
	const struct attr *attr;

	for (attr = self->attrs; attr < self->attrs + self->nr; attr++)
		EXPECT_EQ(0, wrong_values(attr));
	EXPECT_UNCHANGED();
}

/* A nest where there is none. */
TEST_F_TIMEOUT(policy, nested_wrongly, 60)
{
	const struct attr *attr;
	uint64_t zero = 0;

	for (attr = self->attrs; attr < self->attrs + self->nr; attr++)
		EXPECT_TRUE(refused(attr, "as a nest", send_raw(attr, attr->type | NLA_F_NESTED, &zero, width_of(attr)), -EINVAL, "NLA_F_NESTED"));
	EXPECT_UNCHANGED();
}

/* An attribute that says it is longer than the message, and a message that ends within the head of one. */
TEST_F_TIMEOUT(policy, truncated, 60)
{
	const struct attr *attr;
	struct nlattr *last;
	struct nl_msg *msg;

	for (attr = self->attrs; attr < self->attrs + self->nr; attr++) {
		msg = ctl_request(attr->cmd);
		last = nla_reserve(msg, attr->type, 4);
		memset(nla_data(last), 0, 4);
		last->nla_len = 64;
		EXPECT_EQ(-EINVAL, __ctl_do(msg, NULL, NULL)) TH_LOG("command %d attribute %d", attr->cmd, attr->type);
		EXPECT_NE(NULL, strstr(ctl_last.text, "bytes leftover")) TH_LOG("'%s'", ctl_last.text);
		msg = ctl_request(attr->cmd);
		last = nla_reserve(msg, attr->type, 0);
		last->nla_len = 3;
		EXPECT_EQ(-EINVAL, __ctl_do(msg, NULL, NULL)) TH_LOG("command %d attribute %d", attr->cmd, attr->type);
		EXPECT_NE(NULL, strstr(ctl_last.text, "bytes leftover")) TH_LOG("'%s'", ctl_last.text);
	}
	EXPECT_UNCHANGED();
}

static bool takes(FIXTURE_DATA(policy) *self, int cmd, int type)
{
	unsigned int i;

	for (i = 0; i < self->nr; i++)
		if (self->attrs[i].cmd == cmd && self->attrs[i].type == type)
			return true;
	return false;
}

/* All other numbers, in each request: attributes of the set that it does not take, and those that are none. */
TEST_F_TIMEOUT(policy, attributes_that_it_does_not_take, 120)
{
	const int cmds[] = {
		DIRECTPATH_CMD_HOST_GET, DIRECTPATH_CMD_HOST_SET, DIRECTPATH_CMD_DEV_GET, DIRECTPATH_CMD_DEV_CLAIM, DIRECTPATH_CMD_DEV_RELEASE,
		DIRECTPATH_CMD_DEV_SET, DIRECTPATH_CMD_DEV_RESET, DIRECTPATH_CMD_DEV_RECOVER, DIRECTPATH_CMD_VM_NEW, DIRECTPATH_CMD_VM_SET,
		DIRECTPATH_CMD_VM_DEL, DIRECTPATH_CMD_VM_GET, DIRECTPATH_CMD_VM_ATTACH, DIRECTPATH_CMD_VM_DETACH, DIRECTPATH_CMD_OP_GET,
		DIRECTPATH_CMD_STATS_GET, DIRECTPATH_CMD_DEV_ACCEPT, DIRECTPATH_CMD_DEV_CLEAN,
	};
	struct attr attr = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		attr.cmd = cmds[i];
		for (attr.type = 1; attr.type < 64; attr.type++) {
			if (takes(self, attr.cmd, attr.type))
				continue;
			EXPECT_TRUE(refused(&attr, "not taken", send_raw(&attr, attr.type, "", 0), -EINVAL, "attribute"));
		}
		attr.type = 0x3fff;
		EXPECT_TRUE(refused(&attr, "not taken", send_raw(&attr, attr.type, "", 0), -EINVAL, "attribute"));
	}
	EXPECT_UNCHANGED();
}

/* --- what it means --- */

static const struct attr *find_attr(FIXTURE_DATA(policy) *self, const struct meaning *m)
{
	const struct attr *attr;

	for (attr = self->attrs; attr < self->attrs + self->nr; attr++)
		if (attr->cmd == m->cmd && attr->type == m->type)
			return attr;
	return NULL;
}

static void put_text(FIXTURE_DATA(policy) *self, struct nl_msg *msg, int type, const char *text)
{
	nla_put_string(msg, type, strcmp(text, EDU) ? text : self->edu);
}

static void put_value(FIXTURE_DATA(policy) *self, struct nl_msg *msg, const struct attr *attr, const char *text, uint64_t value)
{
	switch (attr->kind) {
	case NL_ATTR_TYPE_STRING:
	case NL_ATTR_TYPE_NUL_STRING:
		put_text(self, msg, attr->type, text);
		break;
	case NL_ATTR_TYPE_BINARY:
		nla_put(msg, attr->type, attr->min_len, text);
		break;
	default:
		nla_put(msg, attr->type, width_of(attr), &value);
	}
}

/* The table knows all of the kernel's, and no others. */
TEST_F(policy, every_attribute_is_known)
{
	const struct attr *attr;
	const struct meaning *m;
	unsigned int nr;

	for (attr = self->attrs; attr < self->attrs + self->nr; attr++) {
		nr = 0;
		for_each_meaning(m)
			nr += m->cmd == attr->cmd && m->type == attr->type;
		EXPECT_LT(0, nr) TH_LOG("command %d attribute %d: not in the table of this test", attr->cmd, attr->type);
	}
	for_each_meaning(m)
		EXPECT_NE(NULL, find_attr(self, m)) TH_LOG("command %d does not take attribute %d", m->cmd, m->type);
}

TEST_F(policy, values_without_sense)
{
	const struct meaning *m;
	const struct attr *attr;
	struct nl_msg *msg;

	for_each_meaning(m) {
		attr = find_attr(self, m);
		if (!m->error || !attr)
			continue;
		msg = ctl_request(m->cmd);
		if (m->with)
			put_text(self, msg, m->with, m->with_text);
		put_value(self, msg, attr, m->bad, m->bad_number);
		EXPECT_EQ(m->error, __ctl_do(msg, NULL, NULL)) TH_LOG("command %d attribute %d", m->cmd, m->type);
		EXPECT_NE(NULL, strstr(ctl_last.text, m->says))
			TH_LOG("command %d attribute %d: '%s' is not in '%s'", m->cmd, m->type, m->says, ctl_last.text);
	}
	EXPECT_UNCHANGED();
}

static bool is_read(int cmd)
{
	return cmd == DIRECTPATH_CMD_DEV_GET || cmd == DIRECTPATH_CMD_VM_GET || cmd == DIRECTPATH_CMD_OP_GET || cmd == DIRECTPATH_CMD_STATS_GET;
}

static int try_good_values(void *arg)
{
	FIXTURE_DATA(policy) *self = arg;
	const struct meaning *m;
	const struct attr *attr;
	struct nl_msg *msg;
	int ret, wrong = 0;

	proc_drop_root();
	for_each_meaning(m) {
		attr = find_attr(self, m);
		if (!attr || is_read(m->cmd))
			continue;
		msg = ctl_request(m->cmd);
		if (m->with)
			put_text(self, msg, m->with, m->with_text);
		put_value(self, msg, attr, m->text, m->number);
		ret = __ctl_do(msg, NULL, NULL);
		if (ret == -EPERM && strstr(ctl_last.text, "CAP_SYS_ADMIN"))
			continue;
		fprintf(stderr, "# command %d attribute %d: %d '%s'\n", m->cmd, m->type, ret, ctl_last.text);
		wrong++;
	}
	return wrong;
}

TEST_F(policy, good_values_from_nobody)
{
	EXPECT_EQ(0, proc_run(try_good_values, self));
	EXPECT_UNCHANGED();
}

HOST_MAIN(HOST_DP)
