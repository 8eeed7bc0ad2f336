// SPDX-License-Identifier: GPL-2.0
/*
 * The parsers of what comes from outside: netlink messages as the kernel sends them, the same with random damage (run under ASan), addresses,
 * classes, lines of the kernel log.
 */

#include "../nl.c"
#include "../nl_op.c"

#include <stdlib.h>

#include "fault.h"
#include "names.h"

static unsigned int checks, failures;

#define CHECK(cond) check(cond, #cond, __LINE__)

static void check(bool ok, const char *what, int line)
{
	checks++;
	if (ok)
		return;
	failures++;
	fprintf(stderr, "parse_test.c:%d: %s\n", line, what);
}

static void put_reason(struct nl_msg *msg, int attr, uint32_t code, const char *culprit)
{
	struct nlattr *nest = nla_nest_start(msg, attr);

	nla_put_u32(msg, DIRECTPATH_A_REASON_CODE, code);
	nla_put_string(msg, DIRECTPATH_A_REASON_CULPRIT, culprit);
	nla_put_flag(msg, DIRECTPATH_A_REASON_BLOCKING);
	nla_nest_end(msg, nest);
}

static struct nl_msg *dev_msg(void)
{
	struct nl_msg *msg = nlmsg_alloc_size(8192);
	struct nlattr *nest;

	genlmsg_put(msg, 0, 0, 30, 0, 0, DIRECTPATH_CMD_DEV_GET, 1);
	nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, "0000:3b:00.0");
	nla_put_u32(msg, DIRECTPATH_A_DEV_VENDOR, 0x10de);
	nla_put_u32(msg, DIRECTPATH_A_DEV_NUMA, (uint32_t)-1);
	nla_put_u32(msg, DIRECTPATH_A_DEV_STATE, DIRECTPATH_STATE_RUNNING);
	nla_put_u32(msg, DIRECTPATH_A_DEV_VERDICT, DIRECTPATH_VERDICT_RISKY);
	put_reason(msg, DIRECTPATH_A_DEV_REASON, DIRECTPATH_REASON_NETDEV_UP, "interface ens3 is up");
	put_reason(msg, DIRECTPATH_A_DEV_REASON, DIRECTPATH_REASON_NO_RESET, "none");
	nla_put_string(msg, DIRECTPATH_A_DEV_SET_MEMBER, "0000:3b:00.1");
	nla_put_string(msg, DIRECTPATH_A_DEV_SET_MEMBER, "0000:3b:00.2");
	nest = nla_nest_start(msg, DIRECTPATH_A_DEV_BAR);
	nla_put_u32(msg, DIRECTPATH_A_BAR_INDEX, 2);
	nla_put_u64(msg, DIRECTPATH_A_BAR_SIZE, 137438953472ULL);
	nla_nest_end(msg, nest);
	nla_put_u64(msg, DIRECTPATH_A_DEV_SEQ, 4711);
	return msg;
}

static struct genlmsghdr *header(struct nl_msg *msg)
{
	return nlmsg_data(nlmsg_hdr(msg));
}

static void test_dev(void)
{
	struct nl_msg *msg = dev_msg();
	struct dev dev = {};

	CHECK(!nl_parse_dev(header(msg), &dev));
	CHECK(!strcmp(dev.address, "0000:3b:00.0"));
	CHECK(dev.vendor == 0x10de);
	CHECK(dev.numa == -1);
	CHECK(dev.state == DIRECTPATH_STATE_RUNNING);
	CHECK(dev.reasons.nr == 2 && dev.reasons.v[0].code == DIRECTPATH_REASON_NETDEV_UP && dev.reasons.v[0].blocking);
	CHECK(dev.nr_members == 2 && !strcmp(dev.members[1], "0000:3b:00.2"));
	CHECK(dev.nr_bars == 1 && dev.bars[0].size == 137438953472ULL);
	CHECK(dev.seq == 4711);
	CHECK(!dev.has_prev_state && dev.has_verdict);
	dev_free(&dev);
	nlmsg_free(msg);
}

static void test_others(void)
{
	struct nl_msg *msg = nlmsg_alloc_size(8192);
	struct op_result op = {};
	struct vm vm = {};
	uint32_t id = 0;

	genlmsg_put(msg, 0, 0, 30, 0, 0, DIRECTPATH_CMD_OP_GET, 1);
	CHECK(nl_parse_op(header(msg), &op));
	nla_put_u32(msg, DIRECTPATH_A_OP_ID, 7);
	nla_put_flag(msg, DIRECTPATH_A_OP_DONE);
	nla_put_u32(msg, DIRECTPATH_A_OP_ERROR, EBUSY);
	nla_put_string(msg, DIRECTPATH_A_OP_MESSAGE, "stuck in nvme remove, 37 s");
	put_reason(msg, DIRECTPATH_A_OP_REASON, DIRECTPATH_REASON_RMRR, "firmware");
	CHECK(!nl_parse_op(header(msg), &op));
	CHECK(op.id == 7 && op.done && op.error == EBUSY && op.reasons.nr == 1);
	CHECK(!strcmp(op.message, "stuck in nvme remove, 37 s"));
	op_result_free(&op);
	nlmsg_free(msg);

	msg = nlmsg_alloc_size(8192);
	genlmsg_put(msg, 0, 0, 30, 0, 0, DIRECTPATH_CMD_VM_ATTACH, 1);
	nla_put_u32(msg, DIRECTPATH_A_VM_OP_ID, 12);
	take_op_id(header(msg), &id);
	CHECK(id == 12);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, "train1");
	nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, "0000:3b:00.0");
	nla_put_u32(msg, DIRECTPATH_A_VM_MAX_PINNED, 5);	/* narrower than it should be */
	CHECK(!nl_parse_vm(header(msg), &vm));
	CHECK(vm.nr_devices == 1 && vm.max_pinned == 5);
	vm_free(&vm);
	nlmsg_free(msg);
}

static void test_error_text(void)
{
	static const char said[] = "there is no function 0000:01:00.0 on this host";
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
		char tlvs[256];
	} ack = {};
	struct nlattr *attr = (struct nlattr *)ack.tlvs;
	struct request req = {};

	ack.err.error = -ENODEV;
	attr->nla_type = NLMSGERR_ATTR_MSG;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + sizeof(said));
	memcpy(nla_data(attr), said, sizeof(said));
	ack.hdr.nlmsg_type = NLMSG_ERROR;
	ack.hdr.nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	ack.hdr.nlmsg_len = (uint32_t)(sizeof(ack.hdr) + sizeof(ack.err) + NLA_ALIGN(attr->nla_len));
	on_error(NULL, &ack.err, &req);
	CHECK(req.error == -ENODEV && req.finished);
	CHECK(!strcmp(kernel_text(), said));

	/* Not capped: the request stands between. */
	text[0] = '\0';
	memmove(ack.tlvs + 16, ack.tlvs, 200);
	memset(ack.tlvs, 0x55, 16);
	ack.err.msg.nlmsg_len = sizeof(struct nlmsghdr) + 16;
	ack.hdr.nlmsg_flags = NLM_F_ACK_TLVS;
	ack.hdr.nlmsg_len += 16;
	on_error(NULL, &ack.err, &req);
	CHECK(!strcmp(kernel_text(), said));
}

/* No damage may make a parser read or write outside. */
static void test_damage(void)
{
	struct nl_msg *good = dev_msg();
	struct nlmsghdr *hdr = nlmsg_hdr(good);
	unsigned int round, i, size = hdr->nlmsg_len;

	srand(1);
	for (round = 0; round < 20000; round++) {
		struct nlmsghdr *bad = malloc(size);
		struct stats stats = {};
		struct op_result op = {};
		struct host host = {};
		struct dev dev = {};
		struct vm vm = {};

		memcpy(bad, hdr, size);
		for (i = 0; i < 1 + round % 8; i++)
			((char *)bad)[NLMSG_HDRLEN + GENL_HDRLEN + (unsigned int)rand() % (size - NLMSG_HDRLEN - GENL_HDRLEN)] = (char)rand();
		bad->nlmsg_len = round % 3 ? size : NLMSG_HDRLEN + GENL_HDRLEN + (unsigned int)rand() % (size - NLMSG_HDRLEN - GENL_HDRLEN);
		nl_parse_dev(nlmsg_data(bad), &dev);
		nl_parse_vm(nlmsg_data(bad), &vm);
		nl_parse_host(nlmsg_data(bad), &host);
		nl_parse_op(nlmsg_data(bad), &op);
		nl_parse_stats(nlmsg_data(bad), &stats);
		dev_free(&dev);
		vm_free(&vm);
		op_result_free(&op);
		stats_free(&stats);
		free(bad);
	}
	CHECK(true);
	nlmsg_free(good);
}

static void test_addresses(void)
{
	static const char *const bad[] = {
		"", "3b", "3b:00", "0:1f.2", "3b:00.8", "3b:20.0", "0000:3b:00.0 ", "xx:00.0", "000:3b:00.0", "3b:00.0.0",
	};
	char out[ADDRESS_SIZE];
	size_t i;

	CHECK(address_parse("3B:00.0", out) && !strcmp(out, "0000:3b:00.0"));
	CHECK(address_parse("0000:3b:00.0", out) && !strcmp(out, "0000:3b:00.0"));
	CHECK(address_parse("10000:01:00.0", out) && !strcmp(out, "10000:01:00.0"));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!address_parse(bad[i], out));
	CHECK(address_compare("0000:3b:00.0", "10000:01:00.0") < 0);
	CHECK(address_compare("ffff:01:00.0", "10000:01:00.0") < 0);
	CHECK(!address_compare("0000:3b:00.0", "0000:3b:00.0"));
}

static void test_classes(void)
{
	char buf[8];

	CHECK(!strcmp(class_name(0x010802, buf, sizeof(buf)), "nvme"));
	CHECK(!strcmp(class_name(0x030200, buf, sizeof(buf)), "3d"));
	CHECK(!strcmp(class_name(0x00ff00, buf, sizeof(buf)), "00ff"));
	CHECK(class_matches(0x030200, "gpu") && class_matches(0x030000, "gpu") && !class_matches(0x030200, "vga"));
	CHECK(class_matches(0x010802, "0108") && class_matches(0x010802, "storage") && !class_matches(0x010802, "0107"));
	CHECK(!class_name_valid("nvmee") && !class_name_valid("010") && class_name_valid("01"));
}

static void test_names(void)
{
	int i;

	for (i = 1; i <= DIRECTPATH_REASON_ATTACHED; i++)
		CHECK(reason_by_name(reason_name((unsigned int)i)) == i);
	for (i = 0; i <= DIRECTPATH_STATE_GONE; i++)
		CHECK(state_by_name(state_name((unsigned int)i)) == i);
	CHECK(!strcmp(reason_name(9999), "unknown"));
}

static void test_faults(void)
{
	struct fault f;

	CHECK(fault_parse("DMAR: [DMA Write NO_PASID] Request device [3b:00.0] fault addr 0x7f00000000 "
			  "[fault reason 0x05] PTE Write access is not set", &f));
	CHECK(!strcmp(f.address, "0000:3b:00.0") && !strcmp(f.kind, "write") && !strcmp(f.iova, "0x7f00000000"));
	CHECK(!strcmp(f.reason, "PTE Write access is not set"));
	CHECK(fault_parse("DMAR: [DMA Read PASID 0x1] Request device [00:02.0] fault addr 0x1000 "
			  "[fault reason 0x06] PTE Read access is not set\n", &f));
	CHECK(!strcmp(f.kind, "read") && !strcmp(f.reason, "PTE Read access is not set"));
	CHECK(fault_parse("AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:3b:00.0 domain=0x000a address=0x7f00000000 flags=0x0020]", &f));
	CHECK(!strcmp(f.address, "0000:3b:00.0") && !strcmp(f.kind, "write") && !strcmp(f.iova, "0x7f00000000"));
	CHECK(fault_parse("nvme 0000:3b:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000a address=0x1000 flags=0x0000]", &f));
	CHECK(!strcmp(f.address, "0000:3b:00.0") && !strcmp(f.kind, "read"));
	CHECK(!fault_parse("DMAR: Host address width 46", &f));
	CHECK(!fault_parse("AMD-Vi: Event logged [IO_PAGE_FAULT", &f));
	CHECK(!fault_parse(": AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0]", &f));
	CHECK(!fault_parse("", &f));
}

int main(void)
{
	test_dev();
	test_others();
	test_error_text();
	test_damage();
	test_addresses();
	test_classes();
	test_names();
	test_faults();
	printf("parse_test: %u checks, %u failed\n", checks, failures);
	return failures ? 1 : 0;
}
