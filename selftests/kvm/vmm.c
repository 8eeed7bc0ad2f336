// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "assert.h"
#include "host.h"
#include "mem.h"
#include "vmm.h"

#define MEMORY_SLOT 0
#define BAR_SLOT 1
#define GSI 24
/* Longest that a guest may run without a report. */
#define PATIENCE_S 10

static int kvm_ioctl(int fd, unsigned long cmd, void *arg, const char *name)
{
	int ret = ioctl(fd, cmd, arg);

	dp_assert(ret >= 0, "%s: %s", name, strerror(errno));
	return ret;
}

#define KVM(fd, cmd, arg) kvm_ioctl(fd, cmd, (void *)(uintptr_t)(arg), #cmd)

/* In the bed with a VM that stays, so that the first and the last of ours do not patch the running kernel; see lib.sh. */
static const char *load_command(void)
{
	return getenv("DP_MACHINE") ? "use_kvm" : "{ modprobe -q kvm_amd || modprobe -q kvm_intel; }";
}

bool vmm_available(void)
{
	static bool loaded;

	if (!loaded)
		loaded = !host_shell(load_command());
	return !access("/dev/kvm", R_OK | W_OK);
}

static void set_memory(struct vmm *vmm, uint32_t slot, uint64_t gpa, const volatile void *memory, size_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	KVM(vmm->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Where a label of guest.S is in the guest. */
static uint32_t guest_address(const uint8_t *label)
{
	return GUEST_CODE + (label - guest_start);
}

/* An interrupt gate for the handler. */
static void set_gate(uint8_t *memory, unsigned int vector, uint32_t handler)
{
	uint16_t gate[4] = { handler & 0xffff, 0x08, 0x8e00, handler >> 16 };

	memcpy(memory + GUEST_IDT + 8 * vector, gate, sizeof(gate));
}

/* A flat code and a flat data segment: what a GDT of two entries would give; none is loaded again. */
static void set_segments(struct kvm_sregs *sregs)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 0x08, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1 };
	struct kvm_segment data = code;

	data.selector = 0x10;
	data.type = 3;
	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
}

/* For the handler's gate and the return from it, which do load %cs. */
static void set_gdt(uint8_t *memory, struct kvm_sregs *sregs)
{
	static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };

	memcpy(memory + 0x100, gdt, sizeof(gdt));
	sregs->gdt.base = 0x100;
	sregs->gdt.limit = sizeof(gdt) - 1;
}

static void set_registers(struct vmm *vmm, const uint8_t *entry)
{
	struct kvm_regs regs = { .rip = guest_address(entry), .rsp = GUEST_STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	KVM(vmm->cpu, KVM_GET_SREGS, &sregs);
	set_segments(&sregs);
	set_gdt(vmm->memory, &sregs);
	sregs.idt.base = GUEST_IDT;
	sregs.idt.limit = 8 * 256 - 1;
	sregs.cr0 |= 1;
	KVM(vmm->cpu, KVM_SET_SREGS, &sregs);
	KVM(vmm->cpu, KVM_SET_REGS, &regs);
}

void vmm_init(struct vmm *vmm, const uint8_t *entry)
{
	memset(vmm, 0, sizeof(*vmm));
	vmm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	dp_assert(vmm->kvm >= 0, "%s", strerror(errno));
	vmm->vm = KVM(vmm->kvm, KVM_CREATE_VM, 0);
	KVM(vmm->vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	KVM(vmm->vm, KVM_CREATE_IRQCHIP, 0);
	vmm->memory = mem_new(MEM_ANON, GUEST_MEMORY);
	memcpy(vmm->memory + GUEST_CODE, guest_start, guest_end - guest_start);
	set_gate(vmm->memory, GUEST_VECTOR, guest_address(guest_irq));
	set_memory(vmm, MEMORY_SLOT, 0, vmm->memory, GUEST_MEMORY);
	vmm->cpu = KVM(vmm->vm, KVM_CREATE_VCPU, 0);
	vmm->run_size = KVM(vmm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vmm->run = mmap(NULL, vmm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->cpu, 0);
	dp_assert(vmm->run != MAP_FAILED, "%s", strerror(errno));
	set_registers(vmm, entry);
}

void vmm_map_bar(struct vmm *vmm, const volatile void *bar, size_t size)
{
	set_memory(vmm, BAR_SLOT, GUEST_BAR, bar, size);
}

void vmm_route(struct vmm *vmm, int efd)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routing = {
		.head.nr = 1,
		.entry = {
			.gsi = GSI,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = GUEST_VECTOR },
		},
	};
	struct kvm_irqfd irqfd = { .fd = efd, .gsi = GSI };

	KVM(vmm->vm, KVM_SET_GSI_ROUTING, &routing);
	KVM(vmm->vm, KVM_IRQFD, &irqfd);
}

/* Where the guest hangs, and whether its interrupt is pending (IRR) or in service (ISR). */
static void show_state(struct vmm *vmm)
{
	unsigned int word = 0x10 * (GUEST_VECTOR / 32), bit = 1U << GUEST_VECTOR % 32;
	struct kvm_mp_state mp = {};
	struct kvm_lapic_state apic;
	struct kvm_regs regs;

	KVM(vmm->cpu, KVM_GET_REGS, &regs);
	KVM(vmm->cpu, KVM_GET_LAPIC, &apic);
	KVM(vmm->cpu, KVM_GET_MP_STATE, &mp);
	fprintf(stderr, "# guest: offset %#llx, flags %#llx, %llu interrupts, state %u, pending %d, in service %d\n",
		(unsigned long long)regs.rip - GUEST_CODE, (unsigned long long)regs.rflags, (unsigned long long)regs.rcx, mp.mp_state,
		!!(*(uint32_t *)(apic.regs + 0x200 + word) & bit), !!(*(uint32_t *)(apic.regs + 0x100 + word) & bit));
}

static volatile sig_atomic_t expired;

static void wake(int sig)
{
	(void)sig;
	expired = 1;
}

/* The CPU comes back after a while, whatever the guest does. */
static void set_timer(unsigned int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = seconds };
	struct sigaction action = { .sa_handler = wake };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static bool run_once(struct vmm *vmm)
{
	int ret;

	expired = 0;
	set_timer(PATIENCE_S);
	/* A process that was stopped and goes on comes out as well. */
	do {
		ret = ioctl(vmm->cpu, KVM_RUN, NULL);
	} while (ret && errno == EINTR && !expired);
	if (ret && errno == EINTR)
		show_state(vmm);
	else if (ret)
		fprintf(stderr, "# KVM_RUN: %s\n", strerror(errno));
	set_timer(0);
	return !ret;
}

bool vmm_next(struct vmm *vmm, uint16_t *port, uint32_t *value)
{
	struct kvm_run *run = vmm->run;

	while (run_once(vmm)) {
		if (run->exit_reason == KVM_EXIT_MMIO) {
			vmm->mmio_exits++;
			continue;
		}
		if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT && run->io.size == 4) {
			*port = run->io.port;
			memcpy(value, (uint8_t *)run + run->io.data_offset, 4);
			return true;
		}
		fprintf(stderr, "# guest: exit %u, suberror %u\n", run->exit_reason,
			run->exit_reason == KVM_EXIT_INTERNAL_ERROR ? run->internal.suberror : 0);
		show_state(vmm);
		return false;
	}
	return false;
}

void vmm_destroy(struct vmm *vmm)
{
	munmap(vmm->run, vmm->run_size);
	close(vmm->cpu);
	close(vmm->vm);
	close(vmm->kvm);
	mem_free(vmm->memory, GUEST_MEMORY);
}
