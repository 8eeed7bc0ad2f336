// SPDX-License-Identifier: GPL-2.0
/*
 * Every command of the netlink family with inputs that are wrong: error number, text, the attribute at fault, and that nothing has changed. And who
 * may do what.
 */
#include "kselftest_harness.h"

#include <sched.h>

#include <linux/capability.h>
#include <linux/directpath_nl.h>
#include <netlink/genl/genl.h>

#include "libdpath.h"

#define VM "t-netlink"
#define NOWHERE "0000:ff:1f.7"

FIXTURE(netlink) {
	const char *edu;
	struct host_info before;
};

FIXTURE_SETUP(netlink)
{
	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_EDU0");
	if (!self->edu)
		SKIP(return, "no edu on this machine");
	vm_new(VM, NULL);
	host_get(&self->before);
}

FIXTURE_TEARDOWN_PARENT(netlink)
{
	EXPECT_EQ(0, host_restore());
}

/* Settings, VMs, claims and the number of the last event. */
static bool is_unchanged(FIXTURE_DATA(netlink) *self)
{
	struct host_info now;

	host_get(&now);
	if (!memcmp(&now, &self->before, sizeof(now)))
		return true;
	fprintf(stderr, "# event %llu was %llu, %u VMs were %u, %u claims were %u\n", (unsigned long long)now.seq,
		(unsigned long long)self->before.seq, now.vms, self->before.vms, now.devices_claimed, self->before.devices_claimed);
	return false;
}

#define EXPECT_UNCHANGED() EXPECT_TRUE(is_unchanged(self))

/* --- what every command has in common --- */

/* Commands with a request, whether they change something, and the attribute that names their object. */
static const struct command {
	const char *name;
	int cmd;
	bool changes;
	int object;
	bool dumps;
} commands[] = {
	{ "host-get", DIRECTPATH_CMD_HOST_GET, false, 0, false },
	{ "host-set", DIRECTPATH_CMD_HOST_SET, true, 0, false },
	{ "dev-get", DIRECTPATH_CMD_DEV_GET, false, DIRECTPATH_A_DEV_ADDRESS, true },
	{ "dev-claim", DIRECTPATH_CMD_DEV_CLAIM, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "dev-release", DIRECTPATH_CMD_DEV_RELEASE, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "dev-set", DIRECTPATH_CMD_DEV_SET, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "dev-reset", DIRECTPATH_CMD_DEV_RESET, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "dev-recover", DIRECTPATH_CMD_DEV_RECOVER, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "dev-accept", DIRECTPATH_CMD_DEV_ACCEPT, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "dev-clean", DIRECTPATH_CMD_DEV_CLEAN, true, DIRECTPATH_A_DEV_ADDRESS, false },
	{ "vm-new", DIRECTPATH_CMD_VM_NEW, true, DIRECTPATH_A_VM_NAME, false },
	{ "vm-set", DIRECTPATH_CMD_VM_SET, true, DIRECTPATH_A_VM_NAME, false },
	{ "vm-del", DIRECTPATH_CMD_VM_DEL, true, DIRECTPATH_A_VM_NAME, false },
	{ "vm-get", DIRECTPATH_CMD_VM_GET, false, DIRECTPATH_A_VM_NAME, true },
	{ "vm-attach", DIRECTPATH_CMD_VM_ATTACH, true, DIRECTPATH_A_VM_NAME, false },
	{ "vm-detach", DIRECTPATH_CMD_VM_DETACH, true, DIRECTPATH_A_VM_NAME, false },
	{ "op-get", DIRECTPATH_CMD_OP_GET, false, DIRECTPATH_A_OP_ID, false },
	{ "stats-get", DIRECTPATH_CMD_STATS_GET, false, DIRECTPATH_A_STATS_ADDRESS, true },
};

#define for_each_command(c) for (c = commands; c < commands + ARRAY_SIZE(commands); c++)

TEST_F(netlink, object_is_missing)
{
	const struct command *c;

	for_each_command(c) {
		struct nl_msg *msg;

		if (!c->object)
			continue;
		msg = ctl_request(c->cmd);
		/* dev-set looks for a setting first. */
		if (c->cmd == DIRECTPATH_CMD_DEV_SET)
			nla_put_string(msg, DIRECTPATH_A_DEV_LABEL, "x");
		EXPECT_EQ(-EINVAL, __ctl_do(msg, NULL, NULL)) TH_LOG("%s", c->name);
		EXPECT_EQ((unsigned int)c->object, ctl_last.missing) TH_LOG("%s", c->name);
		EXPECT_NE(NULL, strstr(ctl_last.text, "missing")) TH_LOG("%s: '%s'", c->name, ctl_last.text);
	}
	EXPECT_UNCHANGED();
}

TEST_F(netlink, unknown_attribute)
{
	const struct command *c;

	for_each_command(c) {
		struct nl_msg *msg = ctl_request(c->cmd);

		nla_put_u32(msg, 1000, 1);
		EXPECT_GT(0, __ctl_do(msg, NULL, NULL)) TH_LOG("%s", c->name);
		EXPECT_STRNE("", ctl_last.text) TH_LOG("%s", c->name);
	}
	EXPECT_UNCHANGED();
}

/* An attribute of the set that this command does not take: the reply's state, a number of the kernel's. */
TEST_F(netlink, attribute_of_another_command)
{
	struct nl_msg *msg;

	msg = ctl_request(DIRECTPATH_CMD_DEV_CLAIM);
	nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, self->edu);
	nla_put_u32(msg, DIRECTPATH_A_DEV_STATE, 1);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	msg = ctl_request(DIRECTPATH_CMD_VM_NEW);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, "t-x");
	nla_put_u64(msg, DIRECTPATH_A_VM_PINNED, 1);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	msg = ctl_request(DIRECTPATH_CMD_VM_DEL);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, VM);
	nla_put_flag(msg, DIRECTPATH_A_VM_FORCE);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	EXPECT_UNCHANGED();
}

TEST_F(netlink, attribute_of_the_wrong_form)
{
	static const char long_name[] = "a-name-that-is-longer-than-the-31-bytes-there-are";
	char raw[4] = { '0', '0', '0', '0' };
	struct nl_msg *msg;

	msg = ctl_request(DIRECTPATH_CMD_DEV_GET);
	nla_put(msg, DIRECTPATH_A_DEV_ADDRESS, sizeof(raw), raw); /* no zero byte at its end */
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	EXPECT_LT(0, ctl_last.offset);
	msg = ctl_request(DIRECTPATH_CMD_VM_NEW);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, long_name);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	EXPECT_LT(0, ctl_last.offset);
	msg = ctl_request(DIRECTPATH_CMD_VM_NEW);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, "t-x");
	nla_put(msg, DIRECTPATH_A_VM_UUID, 15, long_name);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	msg = ctl_request(DIRECTPATH_CMD_VM_NEW);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, "t-x");
	nla_put_u8(msg, DIRECTPATH_A_VM_MAX_PINNED, 1);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	msg = ctl_request(DIRECTPATH_CMD_DEV_CLAIM);
	nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, self->edu);
	nla_put_u32(msg, DIRECTPATH_A_DEV_UNBIND, 1); /* a flag has no value */
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	EXPECT_UNCHANGED();
}

TEST_F(netlink, unknown_command)
{
	EXPECT_EQ(-EOPNOTSUPP, __ctl_do(ctl_request(DIRECTPATH_CMD_MAX + 1), NULL, NULL));
	EXPECT_EQ(-EOPNOTSUPP, __ctl_do(ctl_request(0), NULL, NULL));
	EXPECT_EQ(-EOPNOTSUPP, __ctl_do(ctl_request(DIRECTPATH_CMD_DEV_NTF), NULL, NULL));
	EXPECT_EQ(-EOPNOTSUPP, __ctl_do(ctl_request(DIRECTPATH_CMD_OP_NTF), NULL, NULL));
	EXPECT_UNCHANGED();
}

static void count_one(struct nlattr **attrs, void *arg)
{
	(void)attrs;
	++*(unsigned int *)arg;
}

TEST_F(netlink, dumps)
{
	const struct command *c;
	unsigned int nr;

	for_each_command(c) {
		struct nl_msg *msg;
		int ret;

		nr = 0;
		ret = __ctl_dump(ctl_request(c->cmd), count_one, &nr);
		if (!c->dumps) {
			EXPECT_EQ(-EOPNOTSUPP, ret) TH_LOG("%s", c->name);
			continue;
		}
		EXPECT_EQ(0, ret) TH_LOG("%s", c->name);
		EXPECT_LT(0, nr) TH_LOG("%s", c->name);
		/* A dump of one object is no dump. */
		msg = ctl_request(c->cmd);
		nla_put_string(msg, c->object, "0000:00:02.0");
		EXPECT_EQ(-EINVAL, __ctl_dump(msg, NULL, NULL)) TH_LOG("%s", c->name);
		EXPECT_NE(NULL, strstr(ctl_last.text, "no attributes")) TH_LOG("%s: '%s'", c->name, ctl_last.text);
	}
	EXPECT_UNCHANGED();
}

/**
 * struct seen - addresses of a dump
 */
struct seen {
	unsigned int nr;
	bool sorted;
	bool edu;
	char last[16];
	const char *wanted;
};

static void see_address(struct nlattr **attrs, void *arg)
{
	const char *address = ctl_string(attrs[DIRECTPATH_A_DEV_ADDRESS]);
	struct seen *seen = arg;

	seen->nr++;
	seen->sorted &= strcmp(seen->last, address) < 0;
	seen->edu |= !strcmp(address, seen->wanted);
	snprintf(seen->last, sizeof(seen->last), "%s", address);
}

TEST_F(netlink, dump_shows_every_function_once)
{
	struct seen seen = { .sorted = true, .wanted = self->edu };
	unsigned int nr = 0;
	FILE *f;

	ASSERT_EQ(0, __ctl_dump(ctl_request(DIRECTPATH_CMD_DEV_GET), see_address, &seen));
	f = popen("ls /sys/bus/pci/devices | wc -l", "r");
	ASSERT_EQ(1, fscanf(f, "%u", &nr));
	pclose(f);
	EXPECT_EQ(nr, seen.nr);
	EXPECT_TRUE(seen.sorted);
	EXPECT_TRUE(seen.edu);
}

TEST_F_TIMEOUT(netlink, dump_of_many_vms, 60)
{
	char names[300][32], name[32];
	unsigned int nr, i;

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "t-many-%03u", i);
		vm_new(name, NULL);
	}
	nr = vm_list(names, 300);
	EXPECT_EQ(201, nr);
	for (i = 0; i < nr; i++) {
		if (i)
			EXPECT_GT(0, strcmp(names[i - 1], names[i]));
		if (strcmp(names[i], VM))
			vm_del(names[i]);
	}
	EXPECT_EQ(1, vm_list(names, 300));
}

/* --- host --- */

TEST_F(netlink, host_set_out_of_range)
{
	EXPECT_EQ(-EINVAL, __ctl_do(ctl_request(DIRECTPATH_CMD_HOST_SET), NULL, NULL));
	EXPECT_TEXT("no setting");
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_ADHOC, 2));
	EXPECT_LT(0, ctl_last.offset);
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS, 2));
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_VECTOR_BUDGET, 0));
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_VECTOR_BUDGET, 65537));
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, 99));
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_RESET_DEADLINE_MS, 3600001));
	EXPECT_GT(0, __host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, 3600001));
	EXPECT_UNCHANGED();
}

/* A request with a good and a bad setting changes neither. */
TEST_F(netlink, host_set_is_all_or_nothing)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_HOST_SET);

	nla_put_u32(msg, DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, 1234);
	nla_put_u32(msg, DIRECTPATH_A_HOST_VECTOR_BUDGET, 0);
	EXPECT_GT(0, __ctl_do(msg, NULL, NULL));
	EXPECT_UNCHANGED();
}

TEST_F(netlink, host_set)
{
	struct host_info now;

	host_set(DIRECTPATH_A_HOST_VECTOR_BUDGET, 77);
	host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, 0);
	host_set(DIRECTPATH_A_HOST_ADHOC, 1);
	host_get(&now);
	EXPECT_EQ(77, now.vector_budget);
	EXPECT_EQ(0, now.revoke_deadline_ms);
	EXPECT_EQ(1, now.adhoc);
	EXPECT_EQ(self->before.reset_deadline_ms, now.reset_deadline_ms);
	EXPECT_EQ(self->before.seq + 3, now.seq);
}

/* --- functions --- */

TEST_F(netlink, address_of_no_function)
{
	static const char * const bad[] = { "", "0000", "00:02", "0000:00:02", "0000:00:20.0", "0000:00:02.8", "0000:00:02.0x", "g000:00:02.0" };
	struct dev_info info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, __dev_get(bad[i], &info)) TH_LOG("'%s'", bad[i]);
		EXPECT_LT(0, ctl_last.offset) TH_LOG("'%s'", bad[i]);
		EXPECT_EQ(-EINVAL, __dev_claim(bad[i], 0, 0)) TH_LOG("'%s'", bad[i]);
	}
	EXPECT_EQ(-ENODEV, __dev_get(NOWHERE, &info));
	EXPECT_TEXT(NOWHERE);
	EXPECT_EQ(-ENODEV, __dev_claim(NOWHERE, 0, 0));
	EXPECT_EQ(-ENODEV, __dev_release(NOWHERE, 0, 0));
	EXPECT_EQ(-ENODEV, __dev_reset(NOWHERE));
	EXPECT_EQ(-ENODEV, __dev_recover(NOWHERE));
	EXPECT_EQ(-ENODEV, __dev_set(NOWHERE, "x", NULL, NULL));
	EXPECT_UNCHANGED();
}

TEST_F(netlink, force_of_no_reason)
{
	EXPECT_GT(0, __dev_claim(self->edu, 0, 1ULL << 0));
	EXPECT_EQ(0, ctl_last.op);
	EXPECT_GT(0, __dev_claim(self->edu, 0, 1ULL << 63));
	EXPECT_EQ(0, ctl_last.op);
	EXPECT_UNCHANGED();
}

TEST_F(netlink, dev_set_is_refused)
{
	static const char * const policies[] = { "warp", "flr,warp", "none,flr", "flr,none", "flr,flr", ",", "flr,,pm" };
	unsigned int i;

	EXPECT_EQ(-EINVAL, __dev_set(self->edu, NULL, NULL, NULL));
	EXPECT_TEXT("no setting");
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		EXPECT_EQ(-EINVAL, __dev_set(self->edu, NULL, NULL, policies[i])) TH_LOG("'%s'", policies[i]);
		EXPECT_TEXT(policies[i]);
	}
	EXPECT_EQ(-EINVAL, __dev_set(self->edu, "a name", NULL, NULL));
	EXPECT_EQ(-EINVAL, __dev_set(self->edu, NULL, "a/label", NULL));
	/* A bad one takes the good one with it. */
	EXPECT_EQ(-EINVAL, __dev_set(self->edu, "good", NULL, "warp"));
	EXPECT_UNCHANGED();
}

TEST_F(netlink, dev_set)
{
	const char *second = pci_env("DP_EDU1");
	struct dev_info info;

	if (!second)
		SKIP(return, "one edu only");
	ASSERT_EQ(0, __dev_set(self->edu, "one", "fast", "flr,pm"));
	dev_get(self->edu, &info);
	EXPECT_STREQ("one", info.name);
	EXPECT_STREQ("fast", info.label);
	EXPECT_STREQ("flr,pm", info.policy);
	EXPECT_EQ(-EEXIST, __dev_set(second, "one", NULL, NULL));
	EXPECT_TEXT("one");
	EXPECT_EQ(0, __dev_set(second, NULL, "fast", NULL));
	EXPECT_EQ(0, __dev_set(self->edu, "", NULL, NULL));
	EXPECT_EQ(0, __dev_set(second, "one", NULL, NULL));
	dev_get(self->edu, &info);
	EXPECT_STREQ("", info.name);
	EXPECT_STREQ("fast", info.label);
	EXPECT_STREQ("flr,pm", info.policy);
}

TEST_F(netlink, not_claimed)
{
	struct dev_info info;

	EXPECT_EQ(-EINVAL, __dev_reset(self->edu));
	EXPECT_NE(0, ctl_last.op);
	EXPECT_TEXT(self->edu);
	EXPECT_TEXT("not claimed");
	EXPECT_EQ(-EINVAL, __dev_recover(self->edu));
	EXPECT_TEXT("not claimed");
	EXPECT_EQ(-EINVAL, __vm_attach(VM, self->edu));
	EXPECT_TEXT("not claimed");
	EXPECT_EQ(-EINVAL, __vm_detach(VM, self->edu, false));
	EXPECT_TEXT("not claimed");
	EXPECT_EQ(0, __dev_release(self->edu, 0, 0));
	dev_get(self->edu, &info);
	EXPECT_EQ(DIRECTPATH_STATE_HOST, info.state);
}

/* --- VMs --- */

TEST_F(netlink, vm_new_is_refused)
{
	static const char * const bad[] = { "", "a b", "a/b", "../x", ".x", "-x", "x\n", "\xc3\xa4" };
	struct vm_config nobody = { .owner = true, .uid = (uint32_t)-1, .gid = 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, __vm_new(bad[i], NULL)) TH_LOG("name %u", i);
	EXPECT_EQ(-EINVAL, __vm_new("adhoc-1", NULL));
	EXPECT_TEXT("adhoc");
	EXPECT_EQ(-EEXIST, __vm_new(VM, NULL));
	EXPECT_TEXT(VM);
	EXPECT_EQ(-EINVAL, __vm_new("t-x", &nobody));
	EXPECT_TEXT("uid");
	nobody.uid = 0;
	nobody.gid = (uint32_t)-1;
	EXPECT_EQ(-EINVAL, __vm_new("t-x", &nobody));
	EXPECT_TEXT("gid");
	EXPECT_NE(0, access("/dev/directpath/t-x", F_OK));
	EXPECT_UNCHANGED();
}

TEST_F(netlink, vm_of_no_name)
{
	struct vm_config config = { .limits = true };
	struct vm_info info;

	EXPECT_EQ(-ENOENT, __vm_get("t-x", &info));
	EXPECT_TEXT("t-x");
	EXPECT_EQ(-ENOENT, __vm_set("t-x", &config));
	EXPECT_TEXT("t-x");
	EXPECT_EQ(-ENOENT, __vm_del("t-x"));
	EXPECT_TEXT("t-x");
	EXPECT_EQ(-ENOENT, __vm_attach("t-x", self->edu));
	EXPECT_TEXT("t-x");
	EXPECT_EQ(-ENOENT, __vm_detach("t-x", self->edu, true));
	EXPECT_EQ(0, ctl_last.op);
	EXPECT_EQ(-EINVAL, __vm_set(VM, NULL));
	EXPECT_TEXT("no setting");
	EXPECT_UNCHANGED();
}

TEST_F(netlink, vm_attach_of_nothing)
{
	EXPECT_EQ(-EINVAL, __vm_attach(VM, NULL));
	EXPECT_EQ(DIRECTPATH_A_VM_DEVICE, ctl_last.missing);
	EXPECT_EQ(-EINVAL, __vm_detach(VM, NULL, false));
	EXPECT_EQ(DIRECTPATH_A_VM_DEVICE, ctl_last.missing);
	EXPECT_EQ(-EINVAL, __vm_attach(VM, "nonsense"));
	EXPECT_TEXT("nonsense");
	EXPECT_UNCHANGED();
	EXPECT_EQ(-ENODEV, __vm_attach(VM, NOWHERE));
	EXPECT_TEXT(NOWHERE);
}

TEST_F(netlink, vm_attach_of_too_many)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_VM_ATTACH);
	unsigned int i;

	nla_put_string(msg, DIRECTPATH_A_VM_NAME, VM);
	for (i = 0; i < 65; i++)
		nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, self->edu);
	EXPECT_EQ(-E2BIG, __ctl_do(msg, NULL, NULL));
	EXPECT_TEXT("64");
	EXPECT_UNCHANGED();
}

TEST_F(netlink, vm_set)
{
	struct vm_config limits = { .limits = true, .max_devices = 4, .max_vectors = 9, .max_pinned = 1ULL << 40 };
	struct vm_config owner = { .owner = true, .uid = 1000, .gid = 1001 };
	struct vm_info info;
	int fd;

	vm_set(VM, &limits);
	vm_set(VM, &owner);
	vm_get(VM, &info);
	EXPECT_EQ(4, info.max_devices);
	EXPECT_EQ(9, info.max_vectors);
	EXPECT_EQ(1ULL << 40, info.max_pinned);
	EXPECT_EQ(1000, info.uid);
	EXPECT_EQ(1001, info.gid);
	/* While it runs its owner stays. */
	fd = vm_open(VM);
	owner.uid = 0;
	EXPECT_EQ(-EBUSY, __vm_set(VM, &owner));
	EXPECT_TEXT("running");
	vm_set(VM, &limits);
	close(fd);
	vm_get(VM, &info);
	EXPECT_EQ(1000, info.uid);
	EXPECT_EQ(0, access("/dev/directpath/" VM, F_OK));
}

TEST_F(netlink, uuid)
{
	struct vm_info info, other;
	struct nl_msg *msg;
	uint8_t uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

	msg = ctl_request(DIRECTPATH_CMD_VM_NEW);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, "t-uuid");
	nla_put(msg, DIRECTPATH_A_VM_UUID, sizeof(uuid), uuid);
	ASSERT_EQ(0, __ctl_do(msg, NULL, NULL));
	vm_get("t-uuid", &info);
	EXPECT_EQ(0, memcmp(uuid, info.uuid, sizeof(uuid)));
	/* One that is not given is made. */
	vm_new("t-uuid-2", NULL);
	vm_get(VM, &info);
	vm_get("t-uuid-2", &other);
	EXPECT_NE(0, memcmp(other.uuid, info.uuid, sizeof(uuid)));
}

/* --- operations, counters --- */

TEST_F(netlink, op_of_no_number)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_OP_GET);

	nla_put_u32(msg, DIRECTPATH_A_OP_ID, 0xfffffffe);
	EXPECT_EQ(-ENOENT, __ctl_do(msg, NULL, NULL));
	EXPECT_TEXT("4294967294");
	EXPECT_UNCHANGED();
}

TEST_F_TIMEOUT(netlink, last_256_operations, 60)
{
	struct nl_msg *msg;
	uint32_t first = 0;
	unsigned int i;

	for (i = 0; i < 260; i++) {
		EXPECT_EQ(-EINVAL, __dev_reset(self->edu));
		if (!i)
			first = ctl_last.op;
	}
	EXPECT_EQ(first + 259, ctl_last.op);
	msg = ctl_request(DIRECTPATH_CMD_OP_GET);
	nla_put_u32(msg, DIRECTPATH_A_OP_ID, first);
	EXPECT_EQ(-ENOENT, __ctl_do(msg, NULL, NULL));
	msg = ctl_request(DIRECTPATH_CMD_OP_GET);
	nla_put_u32(msg, DIRECTPATH_A_OP_ID, first + 100);
	EXPECT_EQ(0, __ctl_do(msg, NULL, NULL));
}

TEST_F(netlink, stats_of_nothing)
{
	const char *never = pci_env("DP_IVSHMEM");
	struct nl_msg *msg;

	if (!never)
		SKIP(return, "no ivshmem on this machine");
	msg = ctl_request(DIRECTPATH_CMD_STATS_GET);
	nla_put_string(msg, DIRECTPATH_A_STATS_VM, "t-x");
	EXPECT_EQ(-ENOENT, __ctl_do(msg, NULL, NULL));
	EXPECT_TEXT("t-x");
	msg = ctl_request(DIRECTPATH_CMD_STATS_GET);
	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, "nonsense");
	EXPECT_EQ(-EINVAL, __ctl_do(msg, NULL, NULL));
	msg = ctl_request(DIRECTPATH_CMD_STATS_GET);
	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, never);
	EXPECT_EQ(-ENOENT, __ctl_do(msg, NULL, NULL));
	EXPECT_TEXT(never);
	msg = ctl_request(DIRECTPATH_CMD_STATS_GET);
	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, self->edu);
	nla_put_string(msg, DIRECTPATH_A_STATS_VM, VM);
	EXPECT_EQ(-EINVAL, __ctl_do(msg, NULL, NULL));
	EXPECT_UNCHANGED();
}

/* --- who may --- */

/* Every command that changes something, in a form that would succeed or fail for another reason. */
static unsigned int try_all(const char *edu, bool changes)
{
	unsigned int wrong = 0;
	const struct command *c;

	for_each_command(c) {
		struct nl_msg *msg = ctl_request(c->cmd);
		int ret;

		if (c->object == DIRECTPATH_A_DEV_ADDRESS)
			nla_put_string(msg, c->object, edu);
		if (c->cmd == DIRECTPATH_CMD_DEV_SET)
			nla_put_string(msg, DIRECTPATH_A_DEV_LABEL, "mine");
		if (c->cmd == DIRECTPATH_CMD_HOST_SET)
			nla_put_u8(msg, DIRECTPATH_A_HOST_ADHOC, 1);
		if (c->changes != changes || c->cmd == DIRECTPATH_CMD_OP_GET) {
			nlmsg_free(msg);
			continue;
		}
		ret = __ctl_do(msg, NULL, NULL);
		if ((ret == -EPERM) == changes && (!changes || strstr(ctl_last.text, "CAP_SYS_ADMIN")))
			continue;
		fprintf(stderr, "# %s: %d '%s'\n", c->name, ret, ctl_last.text);
		wrong++;
	}
	return wrong;
}

static int as_nobody(void *arg)
{
	struct dev_info info;
	struct vm_info vm;
	unsigned int nr = 0, wrong;

	proc_drop_root();
	wrong = try_all(arg, true);
	/* Reading is for everybody. */
	dev_get(arg, &info);
	vm_get(VM, &vm);
	dp_assert(!__ctl_dump(ctl_request(DIRECTPATH_CMD_DEV_GET), count_one, &nr) && nr > 10, "%u functions", nr);
	dp_assert(!__ctl_dump(ctl_request(DIRECTPATH_CMD_STATS_GET), count_one, &nr), "%s", ctl_last.text);
	return wrong;
}

static int as_net_admin(void *arg)
{
	proc_keep_caps(1ULL << CAP_NET_ADMIN);
	return try_all(arg, true);
}

static int as_everything_else(void *arg)
{
	proc_keep_caps(~(1ULL << CAP_SYS_ADMIN) & ((1ULL << (CAP_LAST_CAP + 1)) - 1));
	return try_all(arg, true);
}

TEST_F(netlink, only_the_admin_changes_anything)
{
	EXPECT_EQ(0, proc_run(as_nobody, (void *)self->edu));
	EXPECT_EQ(0, proc_run(as_net_admin, (void *)self->edu));
	EXPECT_EQ(0, proc_run(as_everything_else, (void *)self->edu));
	EXPECT_UNCHANGED();
}

/* An admin in a user namespace of his own is nobody here. */
static int in_a_user_namespace(void *arg)
{
	proc_drop_root();
	if (unshare(CLONE_NEWUSER))
		return 77;
	return try_all(arg, true);
}

TEST_F(netlink, user_namespace)
{
	int ret = proc_run(in_a_user_namespace, (void *)self->edu);

	if (ret == 77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(0, ret);
	EXPECT_UNCHANGED();
}

/* Listening needs nothing, and an unprivileged listener hears. */
static int listens(void *arg)
{
	struct nl_sock *sock;
	struct ctl_event event;

	proc_drop_root();
	sock = ctl_listen();
	peer_tell(arg, 'l');
	return ctl_event_next(sock, &event, 10000) && event.cmd == DIRECTPATH_CMD_VM_NTF ? 0 : 1;
}

static void run_listener(struct peer *self, void *arg)
{
	(void)arg;
	exit(listens(self));
}

TEST_F(netlink, everybody_may_listen)
{
	struct peer peer;

	peer_start(&peer, run_listener, NULL);
	ASSERT_EQ('l', peer_hear(&peer, 10000));
	vm_new("t-heard", NULL);
	EXPECT_EQ(0, peer_wait(&peer));
}

/* No message shows where memory is: neither BARs nor IOVAs. */
TEST_F(netlink, no_addresses_of_memory)
{
	uint64_t bar;
	struct rig rig;
	char *page = mem_new(MEM_ANON, PAGE);

	ASSERT_TRUE(rig_reserve(&rig, "DP_EDU0", "t-rig"));
	rig_open(&rig);
	space_map(rig.vm_fd, page, 0x7654321000, PAGE, SPACE_RW);
	bar = pci_config_read(rig.address, 0x10, 4) & ~0xfULL;
	ASSERT_NE(0, bar);
	/* The size of BAR 0 is there, and its place is not: looked for in the raw bytes of the reply. */
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(rig.address));
	EXPECT_FALSE(ctl_reply_holds(DIRECTPATH_CMD_DEV_GET, DIRECTPATH_A_DEV_ADDRESS, rig.address, &bar, 4));
	bar = 1 << 20;
	EXPECT_TRUE(ctl_reply_holds(DIRECTPATH_CMD_DEV_GET, DIRECTPATH_A_DEV_ADDRESS, rig.address, &bar, 4));
	bar = 0x7654321000;
	EXPECT_FALSE(ctl_reply_holds(DIRECTPATH_CMD_VM_GET, DIRECTPATH_A_VM_NAME, "t-rig", &bar, 5));
}

HOST_MAIN(HOST_DP)
