// SPDX-License-Identifier: GPL-2.0
/*
 * A host that jumps into another kernel while a VM runs. This is what the VM does until then: an NVMe controller waits with requests of its guest, to
 * be completed in the guest's memory as soon as something happens, and the VMM never stops to switch bus mastering on. Not a program of the harness:
 * it does not come back; kexec.sh looks from the next kernel.
 *
 *	kexec_test PHYS KERNEL INITRD COMMAND-LINE
 *
 * PHYS is the guest address of the queues: a physical address in the next kernel, which may not translate.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libdpath.h"

#define VM "t-kexec"
#define TIME_FILE "/out/kexec-start"
#define COMMAND 4
#define DECODE_AND_MASTER 6

static void load_kernel(const char *kernel, const char *initrd, const char *command_line)
{
	int kernel_fd = open(kernel, O_RDONLY), initrd_fd = open(initrd, O_RDONLY);

	dp_assert(kernel_fd >= 0 && initrd_fd >= 0, "%s, %s: %s", kernel, initrd, strerror(errno));
	dp_assert(!syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(command_line) + 1, command_line, 0UL), "kexec: %s", strerror(errno));
}

/* For the next kernel. */
static void note_time(void)
{
	FILE *file = fopen(TIME_FILE, "w");

	dp_assert(file && fprintf(file, "%ld\n", (long)time(NULL)) > 0 && !fclose(file), "%s: %s", TIME_FILE, strerror(errno));
	fflush(stdout);
}

/* A guest that wants its bus mastering, whatever the host does. */
static void *insist(void *arg)
{
	uint16_t command = DECODE_AND_MASTER;
	int fd = *(int *)arg;

	for (;;)
		(void)!__device_write(fd, VFIO_PCI_CONFIG_REGION_INDEX, COMMAND, &command, sizeof(command));
	return NULL;
}

int main(int argc, char **argv)
{
	struct rig rig = {};
	struct nvme nvme;
	pthread_t thread;
	uint64_t iova;
	void *mem;

	dp_assert(argc == 5, "kexec_test PHYS KERNEL INITRD COMMAND-LINE");
	iova = strtoull(argv[1], NULL, 0);
	load_kernel(argv[2], argv[3], argv[4]);
	dp_assert(rig_reserve_any(&rig, "DP_NVME", VM), "no NVMe on this machine");
	rig_open_any(&rig);
	device_enable(rig.fd);
	mem = mem_new(MEM_ANON, HUGE_PAGE);
	space_map(rig.vm_fd, mem, iova, HUGE_PAGE, SPACE_RW);
	dp_assert(nvme_start(&nvme, rig.fd, mem, iova), "the controller does not come up");
	nvme_read_start(&nvme, 0);
	dp_assert(wait_until(nvme_read_done(&nvme), SETTLE_MS), "no read ended");
	dp_assert(nvme_await_event(&nvme), "it takes no request for events");
	dp_assert(!pthread_create(&thread, NULL, insist, &rig.fd), "no thread");
	printf("# the controller reads its guest's memory, and waits; over to the next kernel\n");
	note_time();
	sync();
	reboot(LINUX_REBOOT_CMD_KEXEC);
	dp_assert(false, "reboot: %s", strerror(errno));
	return 1;
}
