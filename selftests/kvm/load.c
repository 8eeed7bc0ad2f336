// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "libdpath.h"
#include "load.h"
#include "vmm.h"

#define IOVA 0x10000000ULL
#define IOVA_MAPS 0x20000000ULL
#define BAR_SIZE (1 << 20)
#define MAPS_SIZE (16 * PAGE)
#define ONES 0xffffffffU
/* Before the function is taken, and after it is gone. */
#define BEATS 3
/* A load that does not wait for anything leaves some time to the others. */
#define PAUSE_US 300

static const char *const names[] = {
	[LOAD_DMA] = "DMA", [LOAD_IRQS] = "interrupts", [LOAD_GUEST] = "guest", [LOAD_READS] = "reads", [LOAD_FAULTS] = "faults", [LOAD_MAPS] = "maps",
};

/* The VMM's own; its loads are threads. */
static struct {
	struct load_vmm *vmm;
	struct load_report *report;
	int vm_fd;
	int fd;
	struct edu edu;
	struct nvme nvme;
	struct vmm guest;
	int efd;
} self;

/* One round of a load: has it found the function gone? */
static bool beat(enum load load, bool gone)
{
	self.report->beats[load]++;
	/* Once gone, gone for good. */
	dp_assert(gone || !self.report->ones[load], "%s: the function came back", names[load]);
	if (gone)
		self.report->ones[load]++;
	usleep(PAUSE_US);
	return !self.report->stop;
}

static void *run_dma(void *arg)
{
	uint32_t command;

	do {
		edu_store_start(&self.edu, IOVA, 0, EDU_DMA_MAX);
		do {
			command = edu_read(&self.edu, EDU_DMA_CMD);
		} while (command & EDU_DMA_RUN && command != ONES);
	} while (beat(LOAD_DMA, edu_read(&self.edu, EDU_ID) == ONES));
	return arg;
}

static void *run_irqs(void *arg)
{
	do {
		edu_raise(&self.edu, 1);
		edu_ack(&self.edu);
		(void)efd_wait(self.efd, 0);
	} while (beat(LOAD_IRQS, edu_read(&self.edu, EDU_ID) == ONES));
	return arg;
}

static void *run_guest(void *arg)
{
	uint32_t value;
	uint16_t port;

	do {
		dp_assert(vmm_next(&self.guest, &port, &value) && port == PORT_VALUE, "the guest has stopped");
		/* QEMU answers zeros where nothing is: a function that has vanished, until it is taken. */
		dp_assert(value == EDU_ID_VALUE || value == ONES || !value, "the guest reads %#x", value);
	} while (beat(LOAD_GUEST, value == ONES));
	dp_assert(!self.guest.mmio_exits, "%u accesses of the guest were not its own", self.guest.mmio_exits);
	return arg;
}

/* Keeps the queue full. */
static void *run_reads(void *arg)
{
	unsigned int under_way = 0;
	uint64_t lba = 0;
	bool gone = false;

	do {
		gone = nvme_reg(&self.nvme, NVME_CSTS) == ONES;
		for (; !gone && under_way < NVME_DEPTH - 1; under_way++)
			nvme_read_start(&self.nvme, lba++ % 1024);
		while (under_way && nvme_read_done(&self.nvme))
			under_way--;
	} while (beat(LOAD_READS, gone));
	return arg;
}

/* A mapping that is refused as that of a function that was taken away. */
static void *run_faults(void *arg)
{
	volatile uint32_t *bar;
	bool gone;

	do {
		bar = __device_mmap(self.fd, 0, PAGE);
		gone = bar == MAP_FAILED;
		if (gone) {
			dp_assert(errno == ENODEV, "mmap: %s", strerror(errno));
		} else {
			(void)*bar;
			munmap((void *)bar, PAGE);
		}
	} while (beat(LOAD_FAULTS, gone));
	return arg;
}

/* The space outlives the function. */
static void *run_maps(void *arg)
{
	void *mem = mem_new(MEM_ANON, MAPS_SIZE);
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret;

	do {
		space_map(self.vm_fd, mem, IOVA_MAPS, MAPS_SIZE, SPACE_RW);
		space_unmap(self.vm_fd, IOVA_MAPS, MAPS_SIZE);
		ret = fd_ioctl(self.fd, VFIO_DEVICE_GET_INFO, &info);
		dp_assert(!ret || ret == -ENODEV, "%s", strerror(-ret));
	} while (beat(LOAD_MAPS, ret));
	return arg;
}

static void *(*const bodies[])(void *arg) = {
	[LOAD_DMA] = run_dma, [LOAD_IRQS] = run_irqs, [LOAD_GUEST] = run_guest, [LOAD_READS] = run_reads, [LOAD_FAULTS] = run_faults, [LOAD_MAPS] = run_maps,
};

static void open_edu(void)
{
	self.efd = efd_new();
	edu_map(&self.edu, self.fd);
	irq_trigger(self.fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &self.efd);
	if (!(self.vmm->loads & 1U << LOAD_GUEST))
		return;
	vmm_init(&self.guest, guest_watch);
	vmm_map_bar(&self.guest, device_mmap(self.fd, 0, BAR_SIZE), BAR_SIZE);
}

static void run_vmm(struct peer *peer, void *arg)
{
	pthread_t threads[NR_LOADS];
	unsigned int i;

	self.vmm = arg;
	self.report = self.vmm->report;
	self.vm_fd = vm_open(self.vmm->vm);
	space_map(self.vm_fd, self.vmm->mem, IOVA, LOAD_MEMORY, SPACE_RW);
	self.fd = vm_device(self.vm_fd, self.vmm->address);
	device_enable(self.fd);
	if (self.vmm->loads & 1U << LOAD_DMA)
		open_edu();
	if (self.vmm->loads & 1U << LOAD_READS)
		dp_assert(nvme_start(&self.nvme, self.fd, self.vmm->mem, IOVA), "the controller does not come up");

	for (i = 0; i < NR_LOADS; i++)
		if (self.vmm->loads & 1U << i)
			dp_assert(!pthread_create(&threads[i], NULL, bodies[i], NULL), "no thread");
	for (i = 0; i < NR_LOADS; i++)
		if (self.vmm->loads & 1U << i)
			pthread_join(threads[i], NULL);
	if (self.vmm->loads & 1U << LOAD_GUEST)
		vmm_destroy(&self.guest);
	peer_tell(peer, 'e');
}

static void *new_shared(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	dp_assert(mem != MAP_FAILED, "%s", strerror(errno));
	return mem;
}

void load_init(struct load_vmm *vmm)
{
	memset(vmm, 0, sizeof(*vmm));
	vmm->report = new_shared(sizeof(*vmm->report));
	vmm->mem = new_shared(LOAD_MEMORY);
}

static const char *find_below(const struct load_vmm *vmm, const volatile uint64_t *counts)
{
	unsigned int i;

	for (i = 0; i < NR_LOADS; i++)
		if (vmm->loads & 1U << i && counts[i] < BEATS)
			return names[i];
	return NULL;
}

void load_start(struct load_vmm *vmm)
{
	memset((void *)vmm->report, 0, sizeof(*vmm->report));
	peer_start(&vmm->peer, run_vmm, vmm);
	dp_assert(wait_until(!find_below(vmm, vmm->report->beats), SETTLE_MS), "%s never began", find_below(vmm, vmm->report->beats));
}

bool load_noticed(const struct load_vmm *vmm)
{
	return !find_below(vmm, vmm->report->ones);
}

const char *load_laggard(const struct load_vmm *vmm)
{
	return find_below(vmm, vmm->report->ones) ?: "none";
}

int load_stop(struct load_vmm *vmm)
{
	vmm->report->stop = true;
	return peer_wait(&vmm->peer);
}
