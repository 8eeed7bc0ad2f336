// SPDX-License-Identifier: GPL-2.0
/*
 * Fakes of what irq*.c call, and irq*.c themselves: see irqfake.h. Suites run one after the other, so there is one fake at a time.
 */

#include <kunit/test.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/msi.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "irqfake.h"

static struct dpath_irqfake *now;

static unsigned long fake_jiffies(void)
{
	return now->ticks;
}

/* Inline functions of the header ask for the time. */
#define jiffies fake_jiffies()
#include "../irq_priv.h"

static __printf(1, 2) void note(const char *fmt, ...)
{
	size_t len = strlen(now->log);
	va_list args;

	va_start(args, fmt);
	vscnprintf(now->log + len, sizeof(now->log) - len, fmt, args);
	va_end(args);
}

static void wrong(const char *what)
{
	if (!now->wrongs++)
		now->wrong = what;
}

static void expect(bool right, const char *what)
{
	if (!right)
		wrong(what);
}

/* Has this call to fail? */
static bool fails(const char *what)
{
	if (++now->calls != now->fail_at)
		return false;
	now->failed = what;
	return true;
}

/* --- memory and RCU --- */

static void *count_memory(void *memory)
{
	now->memory += !!memory;
	return memory;
}

static void *fake_kzalloc(size_t size, gfp_t flags)
{
	return fails("memory") ? NULL : count_memory(kzalloc(size, flags));
}

static void *fake_kvcalloc(size_t n, size_t size, gfp_t flags)
{
	return fails("memory") ? NULL : count_memory(kvcalloc(n, size, flags));
}

static __printf(2, 3) char *fake_kasprintf(gfp_t flags, const char *fmt, ...)
{
	va_list args;
	char *text;

	if (fails("memory"))
		return NULL;
	va_start(args, fmt);
	text = kvasprintf(flags, fmt, args);
	va_end(args);
	return count_memory(text);
}

static void fake_kvfree(const void *memory)
{
	now->memory -= !!memory;
	kvfree(memory);
}

static void defer(struct rcu_head *head, rcu_callback_t func, void *memory)
{
	if (now->nr_rcu == ARRAY_SIZE(now->rcu)) {
		wrong("more RCU callbacks than the fake holds");
		return;
	}
	now->rcu[now->nr_rcu++] = (struct dpath_irqfake_rcu){ head, func, memory };
}

static void fake_call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	defer(head, func, NULL);
}

void dpath_irqfake_grace(struct dpath_irqfake *fake)
{
	unsigned int i, nr = fake->nr_rcu;

	fake->nr_rcu = 0;
	for (i = 0; i < nr; i++) {
		if (fake->rcu[i].func)
			fake->rcu[i].func(fake->rcu[i].head);
		else
			fake_kvfree(fake->rcu[i].memory);
	}
}

static void fake_synchronize_rcu(void)
{
	expect(!irqs_disabled(), "waits for a grace period under a spinlock");
	note("grace ");
	dpath_irqfake_grace(now);
}

/* --- eventfds --- */

static struct eventfd_ctx *fake_eventfd_ctx_fdget(int fd)
{
	if (fd == DPATH_IRQFAKE_NO_EVENTFD)
		return ERR_PTR(-EINVAL);
	if (fd < 0 || fd >= DPATH_IRQFAKE_FDS || !now->fds[fd].refs)
		return ERR_PTR(-EBADF);
	now->fds[fd].refs++;
	return &now->fds[fd];
}

static void fake_eventfd_ctx_put(struct eventfd_ctx *ctx)
{
	expect(ctx->refs > 0, "puts an eventfd too often");
	ctx->refs--;
}

static struct file *fake_eventfd_fget(int fd)
{
	struct eventfd_ctx *ctx = fake_eventfd_ctx_fdget(fd);

	now->files += !IS_ERR(ctx);
	return (struct file *)ctx;
}

static struct eventfd_ctx *fake_eventfd_ctx_fileget(struct file *file)
{
	struct eventfd_ctx *ctx = (struct eventfd_ctx *)file;

	if (fails("eventfd"))
		return ERR_PTR(-EINVAL);
	ctx->refs++;
	return ctx;
}

static void fake_fput(struct file *file)
{
	now->files--;
	fake_eventfd_ctx_put((struct eventfd_ctx *)file);
}

static void write_eventfd(struct eventfd_ctx *ctx)
{
	ctx->count++;
	wake_up_poll(&ctx->wqh, EPOLLIN);
}

static void fake_eventfd_signal(struct eventfd_ctx *ctx)
{
	expect(ctx->refs > 0, "signals an eventfd that it has no reference to");
	expect(!irqs_disabled(), "signals an eventfd under a spinlock");
	note("signal:%d ", ctx->fd);
	ctx->signals++;
	write_eventfd(ctx);
}

static void fake_eventfd_ctx_do_read(struct eventfd_ctx *ctx, u64 *count)
{
	*count = ctx->count;
	ctx->count = 0;
}

static int fake_eventfd_ctx_remove_wait_queue(struct eventfd_ctx *ctx, wait_queue_entry_t *wait, u64 *count)
{
	expect(!list_empty(&wait->entry), "leaves a wait queue that it is not in");
	remove_wait_queue(&ctx->wqh, wait);
	fake_eventfd_ctx_do_read(ctx, count);
	return 0;
}

static __poll_t fake_vfs_poll(struct file *file, poll_table *pt)
{
	struct eventfd_ctx *ctx = (struct eventfd_ctx *)file;

	pt->_qproc(file, &ctx->wqh, pt);
	return EPOLLOUT | (ctx->count ? EPOLLIN : 0);
}

void dpath_irqfake_write(struct dpath_irqfake *fake, int fd)
{
	write_eventfd(&fake->fds[fd]);
}

void dpath_irqfake_close(struct dpath_irqfake *fake, int fd)
{
	wake_up_poll(&fake->fds[fd].wqh, EPOLLHUP);
	fake_eventfd_ctx_put(&fake->fds[fd]);
}

static void fake_set_bit(long nr, unsigned long *word)
{
	void (*between)(struct dpath_irqfake *fake) = now->between;

	now->between = NULL;
	if (between)
		between(now);
	set_bit(nr, word);
}

/* --- works --- */

static bool fake_schedule_work(struct work_struct *work)
{
	bool queued = now->work != work;

	expect(!now->work || !queued, "schedules two works");
	now->work = work;
	return queued;
}

static bool fake_cancel_work_sync(struct work_struct *work)
{
	bool pending = now->work == work;

	expect(!irqs_disabled(), "waits for a work under a spinlock");
	now->work = pending ? NULL : now->work;
	return pending;
}

bool dpath_irqfake_work(struct dpath_irqfake *fake)
{
	struct work_struct *work = fake->work;

	fake->work = NULL;
	if (work)
		work->func(work);
	return work;
}

static bool fake_mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay)
{
	bool pending = now->guard;

	expect(!pending || now->guard == work, "queues two delayed works");
	now->guard = work;
	now->guard_due = now->ticks + delay;
	return pending;
}

static bool fake_queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay)
{
	return !now->guard && !fake_mod_delayed_work(wq, work, delay);
}

static bool fake_cancel_delayed_work_sync(struct delayed_work *work)
{
	bool pending = now->guard;

	expect(!irqs_disabled() && !mutex_is_locked(&now->irqs.lock), "waits for the guard under a lock that it takes");
	now->guard = NULL;
	return pending;
}

/* --- the function --- */

static int fake_read_byte(struct pci_dev *pdev, int where, u8 *value)
{
	expect(where == PCI_COMMAND, "reads another register");
	*value = now->command;
	return 0;
}

/* Message Control of MSI or MSI-X. */
static u16 *control_of(int where)
{
	if (where == DPATH_IRQFAKE_MSI + PCI_MSI_FLAGS)
		return &now->msi_control;
	return where == DPATH_IRQFAKE_MSIX + PCI_MSIX_FLAGS ? &now->msix_control : NULL;
}

/* Does a message of the function reach the handler? */
static bool is_open(const struct dpath_irqfake_irq *irq)
{
	if (irq->depth || !irq->handler)
		return false;
	return now->type == PCI_IRQ_MSI ? now->msi_control & PCI_MSI_FLAGS_ENABLE : !(now->msix_control & PCI_MSIX_FLAGS_MASKALL);
}

static void take_pending(struct dpath_irqfake_irq *irq, unsigned int number)
{
	if (!irq->pending || !is_open(irq))
		return;
	irq->pending = false;
	irq->handler(number, irq->arg);
}

unsigned int dpath_irqfake_pass(struct dpath_irqfake *fake, unsigned long ticks)
{
	unsigned long end = fake->ticks + ticks;
	unsigned int i, runs = 0;

	while (fake->guard && time_before_eq(fake->guard_due, end) && runs++ < 1000) {
		struct delayed_work *work = fake->guard;

		if (time_after(fake->guard_due, fake->ticks))
			fake->ticks = fake->guard_due;
		fake->guard = NULL;
		work->work.func(&work->work);
		/* What a mask of the whole function has kept. */
		for (i = 0; i < DPATH_IRQFAKE_VECTORS; i++)
			take_pending(&fake->vectors[i], DPATH_IRQFAKE_BASE + i);
	}
	fake->ticks = end;
	return runs;
}

static int fake_read_word(struct pci_dev *pdev, int where, u16 *value)
{
	u16 *control = control_of(where);

	expect(where == PCI_COMMAND || control, "reads another register");
	*value = control ? *control : now->command;
	return 0;
}

static int fake_write_word(struct pci_dev *pdev, int where, u16 value)
{
	u16 *control = control_of(where);

	if (!control) {
		wrong("writes another register");
		return 0;
	}
	note("%s:%x ", control == &now->msi_control ? "msi" : "msix", value);
	*control = value;
	return 0;
}

static int fake_write_byte(struct pci_dev *pdev, int where, u8 value)
{
	expect(where == PCI_COMMAND, "writes another register");
	expect(now->config_locked, "writes the command register without the config lock");
	note(value & PCI_COMMAND_MEMORY ? "decode+ " : "decode- ");
	now->command = (now->command & 0xff00) | value;
	return 0;
}

static void disable_intx(bool disable)
{
	now->command &= ~PCI_COMMAND_INTX_DISABLE;
	if (disable && !now->no_mask)
		now->command |= PCI_COMMAND_INTX_DISABLE;
}

static void fake_intx(struct pci_dev *pdev, int enable)
{
	note(enable ? "intx+ " : "intx- ");
	disable_intx(!enable);
}

static bool fake_intx_mask_supported(struct pci_dev *pdev)
{
	return !now->no_mask;
}

static bool fake_check_and_mask_intx(struct pci_dev *pdev)
{
	expect(!now->no_mask, "masks with an Interrupt Disable that is not there");
	if (!now->status)
		return false;
	note("mask ");
	disable_intx(true);
	return true;
}

static bool fake_check_and_unmask_intx(struct pci_dev *pdev)
{
	expect(!now->no_mask, "unmasks with an Interrupt Disable that is not there");
	if (now->status)
		return false;
	note("unmask ");
	disable_intx(false);
	return true;
}

/* --- the interrupt core --- */

static struct dpath_irqfake_irq *irq_of(unsigned int irq)
{
	static struct dpath_irqfake_irq nowhere;

	if (irq == DPATH_IRQFAKE_LINE)
		return &now->line;
	if (irq >= DPATH_IRQFAKE_BASE && irq - DPATH_IRQFAKE_BASE < DPATH_IRQFAKE_VECTORS && now->vectors[irq - DPATH_IRQFAKE_BASE].allocated)
		return &now->vectors[irq - DPATH_IRQFAKE_BASE];
	wrong("names an interrupt that is not there");
	memset(&nowhere, 0, sizeof(nowhere));
	return &nowhere;
}

static int fake_request_irq(unsigned int number, irq_handler_t handler, unsigned long flags, const char *name, void *arg)
{
	struct dpath_irqfake_irq *irq = irq_of(number);

	if (fails("request"))
		return -EBUSY;
	expect(!irq->handler, "requests an interrupt twice");
	expect(name && *name, "requests an interrupt without a name");
	irq->handler = handler;
	irq->arg = arg;
	irq->flags = flags;
	irq->depth = flags & IRQF_NO_AUTOEN ? 1 : 0;
	irq->pending = false;
	note("request:%u ", number);
	while (now->storm_on_request && is_open(irq))
		irq->handler(number, arg);
	return 0;
}

static const void *fake_free_irq(unsigned int number, void *arg)
{
	struct dpath_irqfake_irq *irq = irq_of(number);

	expect(irq->handler && irq->arg == arg, "frees an interrupt that is not its own");
	expect(!irq->hint, "frees an interrupt with an affinity hint");
	expect(!irq->bypass, "frees an interrupt with a bypass producer");
	expect(!irqs_disabled(), "frees an interrupt under a spinlock");
	irq->handler = NULL;
	irq->depth = 0;
	irq->unlazy = false;
	note("free:%u ", number);
	return NULL;
}

static void fake_disable_irq_nosync(unsigned int number)
{
	irq_of(number)->depth++;
	note("disable:%u ", number);
}

static void fake_enable_irq(unsigned int number)
{
	expect(irq_of(number)->depth == 1, "enables what is not disabled, or twice");
	irq_of(number)->depth--;
	note("enable:%u ", number);
	if (number != DPATH_IRQFAKE_LINE)
		take_pending(irq_of(number), number);
}

static void fake_synchronize_irq(unsigned int number)
{
	expect(irq_of(number)->handler, "waits for a handler that is not there");
	expect(!irqs_disabled(), "waits for a handler under a spinlock");
	note("sync:%u ", number);
}

static void fake_irq_set_status_flags(unsigned int number, unsigned long set)
{
	irq_of(number)->unlazy |= !!(set & IRQ_DISABLE_UNLAZY);
}

static int fake_irq_update_affinity_hint(unsigned int number, const struct cpumask *cpus)
{
	irq_of(number)->hint = cpus;
	return 0;
}

static int fake_irq_set_affinity(unsigned int number, const struct cpumask *cpus)
{
	irq_of(number)->steered++;
	note("steer:%u%s ", number, cpus == cpu_possible_mask ? ":all" : "");
	return fails("affinity") ? -EINVAL : 0;
}

/* The MSI-X table is in memory space. */
static void touch_table(unsigned int type)
{
	expect(now->config_locked, "touches the vectors without the config lock");
	expect(type != PCI_IRQ_MSIX || now->command & PCI_COMMAND_MEMORY, "touches the MSI-X table with decode off");
}

static int fake_msi_vec_count(struct pci_dev *pdev)
{
	return now->msi ?: -EINVAL;
}

static int fake_msix_vec_count(struct pci_dev *pdev)
{
	return now->msix ?: -EINVAL;
}

static bool fake_msix_can_alloc_dyn(struct pci_dev *pdev)
{
	return now->dynamic;
}

/* As the PCI core: a function with the quirk keeps Interrupt Disable as it is, the others get it set and cleared. */
static void set_type(unsigned int type)
{
	now->type = type;
	now->pdev.msi_enabled = type == PCI_IRQ_MSI;
	now->pdev.msix_enabled = type == PCI_IRQ_MSIX;
	now->msi_control &= ~PCI_MSI_FLAGS_ENABLE;
	if (type == PCI_IRQ_MSI)
		now->msi_control |= PCI_MSI_FLAGS_ENABLE;
	if (type == PCI_IRQ_MSIX)
		now->msix_control &= ~PCI_MSIX_FLAGS_MASKALL;
	if (!(now->pdev.dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG))
		disable_intx(type);
}

static int fake_alloc_irq_vectors(struct pci_dev *pdev, unsigned int min, unsigned int max, unsigned int type)
{
	unsigned int i, nr = min3(max, now->kernel_vectors, (unsigned int)(type == PCI_IRQ_MSI ? now->msi : now->msix));

	touch_table(type);
	expect(!now->type, "allocates vectors twice");
	note("alloc:%s:%u ", type == PCI_IRQ_MSI ? "msi" : "msix", max);
	if (fails(type == PCI_IRQ_MSI ? "vectors" : "table") || nr < min)
		return -ENOSPC;
	for (i = 0; i < nr; i++)
		now->vectors[i].allocated = true;
	set_type(type);
	return nr;
}

static void fake_free_irq_vectors(struct pci_dev *pdev)
{
	unsigned int i;

	expect(now->type, "frees vectors that it has not");
	touch_table(now->type);
	for (i = 0; i < DPATH_IRQFAKE_VECTORS; i++) {
		expect(!now->vectors[i].handler, "frees a vector under its handler");
		now->vectors[i].allocated = false;
	}
	set_type(0);
	note("release ");
}

static int fake_irq_vector(struct pci_dev *pdev, unsigned int number)
{
	return number < DPATH_IRQFAKE_VECTORS && now->vectors[number].allocated ? DPATH_IRQFAKE_BASE + (int)number : -EINVAL;
}

static struct msi_map fake_msix_alloc_irq_at(struct pci_dev *pdev, unsigned int number, const struct irq_affinity_desc *affinity)
{
	touch_table(PCI_IRQ_MSIX);
	expect(now->type == PCI_IRQ_MSIX && now->dynamic, "adds a vector where that does not work");
	if (number >= now->msix || number >= now->kernel_vectors || fails("add"))
		return (struct msi_map){ .index = -ENOSPC };
	expect(!now->vectors[number].allocated, "adds a vector twice");
	now->vectors[number].allocated = true;
	note("add:%u ", number);
	return (struct msi_map){ .index = number, .virq = DPATH_IRQFAKE_BASE + number };
}

static void fake_get_cached_msi_msg(unsigned int number, struct msi_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->data = number;
}

static void fake_write_msi_msg(unsigned int number, struct msi_msg *msg)
{
	touch_table(PCI_IRQ_MSIX);
	expect(msg->data == number, "writes the message of another vector");
	expect(!irq_of(number)->handler, "writes a message under its handler");
	note("write:%u ", number);
}

static int fake_register_producer(struct irq_bypass_producer *producer, struct eventfd_ctx *ctx, int number)
{
	struct dpath_irqfake_irq *irq = irq_of(number);

	expect(irq->handler && !irq->bypass, "registers a producer twice, or of a vector without handler");
	expect(ctx->refs > 1, "registers a producer for an eventfd that it has no reference to");
	if (fails("bypass"))
		return -EBUSY;
	irq->bypass = true;
	now->producers++;
	note("bypass+:%d ", number);
	return 0;
}

static void fake_unregister_producer(struct irq_bypass_producer *producer)
{
	unsigned int i;

	for (i = 0; i < DPATH_IRQFAKE_VECTORS; i++) {
		if (now->vectors[i].bypass && container_of(producer, struct dpath_vector, producer) == now->vectors[i].arg)
			break;
	}
	if (i == DPATH_IRQFAKE_VECTORS) {
		wrong("unregisters a producer that is not registered");
		return;
	}
	now->vectors[i].bypass = false;
	now->producers--;
	note("bypass-:%d ", DPATH_IRQFAKE_BASE + i);
}

#undef kzalloc
#undef kvcalloc
#undef kasprintf
#undef kfree
#undef kvfree
#undef call_rcu
#undef kfree_rcu
#undef synchronize_rcu
#undef eventfd_signal
#undef irq_bypass_register_producer
#undef schedule_work
#undef mod_delayed_work
#undef queue_delayed_work
#undef lockdep_assert_held
#undef set_bit
#define set_bit fake_set_bit
#define kzalloc fake_kzalloc
#define kvcalloc fake_kvcalloc
#define kasprintf fake_kasprintf
#define kfree fake_kvfree
#define kvfree fake_kvfree
#define call_rcu fake_call_rcu
#define kfree_rcu(memory, head) defer(&(memory)->head, NULL, memory)
#define synchronize_rcu fake_synchronize_rcu
#define eventfd_ctx_fdget fake_eventfd_ctx_fdget
#define eventfd_ctx_put fake_eventfd_ctx_put
#define eventfd_fget fake_eventfd_fget
#define eventfd_ctx_fileget fake_eventfd_ctx_fileget
#define fput fake_fput
#define eventfd_signal fake_eventfd_signal
#define eventfd_ctx_do_read fake_eventfd_ctx_do_read
#define eventfd_ctx_remove_wait_queue fake_eventfd_ctx_remove_wait_queue
#define vfs_poll fake_vfs_poll
#define schedule_work fake_schedule_work
#define cancel_work_sync fake_cancel_work_sync
#define mod_delayed_work fake_mod_delayed_work
#define queue_delayed_work fake_queue_delayed_work
#define cancel_delayed_work_sync fake_cancel_delayed_work_sync
#define pci_read_config_byte fake_read_byte
#define pci_read_config_word fake_read_word
#define pci_write_config_byte fake_write_byte
#define pci_write_config_word fake_write_word
#define pci_intx fake_intx
#define pci_intx_mask_supported fake_intx_mask_supported
#define pci_check_and_mask_intx fake_check_and_mask_intx
#define pci_check_and_unmask_intx fake_check_and_unmask_intx
#define request_irq fake_request_irq
#define free_irq fake_free_irq
#define disable_irq_nosync fake_disable_irq_nosync
#define enable_irq fake_enable_irq
#define synchronize_irq fake_synchronize_irq
#define irq_set_status_flags fake_irq_set_status_flags
#define irq_update_affinity_hint fake_irq_update_affinity_hint
#define irq_set_affinity fake_irq_set_affinity
#define pci_msi_vec_count fake_msi_vec_count
#define pci_msix_vec_count fake_msix_vec_count
#define pci_msix_can_alloc_dyn fake_msix_can_alloc_dyn
#define pci_alloc_irq_vectors fake_alloc_irq_vectors
#define pci_free_irq_vectors fake_free_irq_vectors
#define pci_irq_vector fake_irq_vector
#define pci_msix_alloc_irq_at fake_msix_alloc_irq_at
#define get_cached_msi_msg fake_get_cached_msi_msg
#define pci_write_msi_msg fake_write_msi_msg
#define irq_bypass_register_producer fake_register_producer
#define irq_bypass_unregister_producer fake_unregister_producer
/* A kernel without lockdep looks, too. */
#define held_mutex(lock) mutex_is_locked((struct mutex *)(lock))
#define held_spin() (irqs_disabled() || IS_ENABLED(CONFIG_PREEMPT_RT))
#define held(lock) __builtin_choose_expr(__same_type(*(lock), struct mutex), held_mutex(lock), held_spin())
#define lockdep_assert_held(lock) expect(held(lock), "does not hold " #lock)

#include "../irq_trigger.c"
#include "../irq_guard.c"
#define exchange_trigger exchange_intx_trigger
#include "../irq_intx.c"
#undef exchange_trigger
#include "../irq_msi.c"
#include "../irq.c"

/* --- what a lease does --- */

static void locked(const char *what)
{
	expect(mutex_is_locked(&now->irqs.lock), what);
}

static int fake_charge(void *ctx, unsigned int nvec)
{
	locked("charges without irqs->lock");
	if (fails("charge") || now->charged + nvec > now->budget)
		return -ENOSPC;
	now->charged += nvec;
	return 0;
}

static void fake_uncharge(void *ctx, unsigned int nvec)
{
	locked("uncharges without irqs->lock");
	expect(now->charged >= nvec, "uncharges more than it has");
	now->charged -= nvec;
}

static void fake_affinity(void *ctx, struct cpumask *cpus)
{
	locked("asks for CPUs without irqs->lock");
	cpumask_copy(cpus, &now->cpus);
}

static void fake_config_lock(void *ctx)
{
	locked("takes the config lock without irqs->lock");
	expect(!now->config_locked, "takes the config lock twice");
	now->config_locked = true;
}

static void fake_config_unlock(void *ctx)
{
	expect(now->config_locked, "drops a config lock that it has not");
	expect((now->command & 0xff) == now->guest, "has not given the guest's command back");
	now->config_locked = false;
}

static void fake_storm_limit(void *ctx, struct dpath_storm_limit *limit)
{
	locked("asks for the limit without irqs->lock");
	if (now->limit.backoff_ms)
		*limit = now->limit;
}

static void fake_storm(void *ctx, const struct dpath_irq_storm *storm)
{
	expect(!mutex_is_locked(&now->irqs.lock), "reports under irqs->lock");
	now->told = *storm;
	now->tellings++;
}

static const struct dpath_irq_ops fake_ops = {
	.charge = fake_charge,
	.uncharge = fake_uncharge,
	.affinity = fake_affinity,
	.config_lock = fake_config_lock,
	.config_unlock = fake_config_unlock,
	.storm_limit = fake_storm_limit,
	.storm = fake_storm,
};

struct dpath_irqfake *dpath_irqfake_new(struct kunit *test)
{
	struct dpath_irqfake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	int fd;

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->pdev.dev.init_name = "fake";
	fake->pdev.irq = DPATH_IRQFAKE_LINE;
	fake->pdev.pin = 1;
	fake->pdev.pcie_cap = 0x40;
	fake->pdev.msi_cap = DPATH_IRQFAKE_MSI;
	fake->pdev.msix_cap = DPATH_IRQFAKE_MSIX;
	fake->msi_control = PCI_MSI_FLAGS_MASKBIT;
	fake->ticks = ULONG_MAX - 100;	/* soon to wrap */
	fake->guest = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	fake->msi = 8;
	fake->msix = 16;
	fake->dynamic = true;
	fake->kernel_vectors = DPATH_IRQFAKE_VECTORS;
	fake->budget = DPATH_IRQFAKE_VECTORS;
	for (fd = 0; fd < DPATH_IRQFAKE_FDS; fd++) {
		fake->fds[fd].fd = fd;
		fake->fds[fd].refs = 1;
		init_waitqueue_head(&fake->fds[fd].wqh);
	}
	now = fake;
	return fake;
}

void dpath_irqfake_start(struct dpath_irqfake *fake, bool no_disintx)
{
	fake->command = fake->guest;
	dpath_irqs_init(&fake->irqs, &fake->pdev, &fake_ops, fake, &fake->stats, no_disintx);
	dpath_irqfake_mark(fake);
}

void dpath_irqfake_mark(struct dpath_irqfake *fake)
{
	fake->calls = 0;
	fake->fail_at = 0;
	fake->failed = NULL;
	memset(fake->log, 0, sizeof(fake->log));
}

void dpath_irqfake_stop(struct kunit *test, struct dpath_irqfake *fake)
{
	unsigned int fd;

	dpath_irqfake_mark(fake);
	dpath_irqs_kill(&fake->irqs);
	dpath_irqs_kill(&fake->irqs);
	dpath_irqs_destroy(&fake->irqs);
	dpath_irqfake_grace(fake);
	for (fd = 0; fd < DPATH_IRQFAKE_FDS; fd++) {
		KUNIT_EXPECT_EQ_MSG(test, fake->fds[fd].refs, 1, "references to eventfd %u", fd);
		KUNIT_EXPECT_TRUE_MSG(test, list_empty(&fake->fds[fd].wqh.head), "somebody waits on eventfd %u", fd);
	}
	KUNIT_EXPECT_EQ(test, fake->files, 0);
	KUNIT_EXPECT_EQ(test, fake->memory, 0);
	KUNIT_EXPECT_EQ(test, fake->producers, 0);
	KUNIT_EXPECT_EQ(test, fake->charged, 0U);
	KUNIT_EXPECT_EQ(test, fake->type, 0U);
	KUNIT_EXPECT_NULL(test, fake->line.handler);
	KUNIT_EXPECT_NULL(test, fake->work);
	KUNIT_EXPECT_NULL(test, fake->guard);
	KUNIT_EXPECT_EQ(test, fake->msix_control & PCI_MSIX_FLAGS_MASKALL, 0);
	KUNIT_EXPECT_EQ(test, fake->command, fake->guest | (fake->no_mask ? 0 : PCI_COMMAND_INTX_DISABLE));
	KUNIT_EXPECT_EQ_MSG(test, fake->wrongs, 0U, "%s", fake->wrong);
	now = NULL;
}

const char *dpath_irqfake_state(struct dpath_irqfake *fake)
{
	static char texts[2][2048];
	static unsigned int turn;
	char *text = texts[++turn % 2];
	struct dpath_vector_info info[20];
	unsigned int i, nr;
	int len;

	/* What waits for a grace period still counts otherwise. */
	dpath_irqfake_grace(fake);
	len = scnprintf(text, sizeof(texts[0]), "kind %u charged %u type %u command %x memory %d producers %d files %d line %d/%d work %d:",
			fake->irqs.index, fake->charged, fake->type, fake->command, fake->memory, fake->producers, fake->files,
			!!fake->line.handler, fake->line.depth, !!fake->work);
	for (i = 0; i < DPATH_IRQFAKE_FDS; i++)
		len += scnprintf(text + len, sizeof(texts[0]) - len, " %d", fake->fds[i].refs);
	nr = dpath_irqs_vectors(&fake->irqs, info, ARRAY_SIZE(info));
	for (i = 0; i < nr && i < ARRAY_SIZE(info); i++)
		len += scnprintf(text + len, sizeof(texts[0]) - len, " [%u]=%u", info[i].number, info[i].irq);
	return text;
}

bool dpath_irqfake_fire(struct dpath_irqfake *fake, unsigned int number)
{
	struct dpath_irqfake_irq *irq = &fake->vectors[number];

	if (!irq->handler)
		return false;
	if (is_open(irq))
		return irq->handler(DPATH_IRQFAKE_BASE + number, irq->arg) == IRQ_HANDLED;
	/* What has no mask bits, and was told not to send, forgets it; otherwise the function or the interrupt core keeps it. */
	if (fake->type == PCI_IRQ_MSIX || fake->msi_control & PCI_MSI_FLAGS_ENABLE)
		irq->pending = true;
	return false;
}

bool dpath_irqfake_line_open(struct dpath_irqfake *fake)
{
	return fake->line.handler && !fake->line.depth && !(fake->command & PCI_COMMAND_INTX_DISABLE);
}

irqreturn_t dpath_irqfake_line(struct dpath_irqfake *fake)
{
	return fake->line.handler(DPATH_IRQFAKE_LINE, fake->line.arg);
}

unsigned int dpath_irqfake_settle(struct dpath_irqfake *fake)
{
	unsigned int taken = 0;

	while (taken < 5 && fake->status && dpath_irqfake_line_open(fake)) {
		if (dpath_irqfake_line(fake) != IRQ_HANDLED)
			break;
		taken++;
	}
	return taken;
}

int dpath_irqfake_set(struct dpath_irqfake *fake, u32 index, u32 flags, u32 start, u32 count, const void *data)
{
	return dpath_irqs_set(&fake->irqs, flags, index, start, count, data);
}

int dpath_irqfake_set_fd(struct dpath_irqfake *fake, u32 index, u32 start, s32 fd)
{
	return dpath_irqfake_set(fake, index, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, start, 1, &fd);
}
