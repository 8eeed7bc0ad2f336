// SPDX-License-Identifier: GPL-2.0
/*
 * What the CI kernel is there to see: each flaw once, on purpose. insmod dpath_test_flaw.ko what=leak; ci/test-kernel does it with all of them.
 */

#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *what = "";
module_param(what, charp, 0);

/* Unknown to the compiler, which would warn. */
static unsigned int number = 40;
module_param(number, uint, 0);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);

struct busy {
	struct timer_list timer;
};

static void *volatile escaped;

static void leak(void)
{
	escaped = kmalloc(100, GFP_KERNEL);
	escaped = NULL;
}

static void use_after_free(void)
{
	char *text = kmalloc(100, GFP_KERNEL);

	if (!text)
		return;
	escaped = text;
	kfree(text);
	number += *(volatile char *)escaped;
}

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void shift(void)
{
	number = 1 << number;
}

static void bounds(void)
{
	static int table[8];

	number = table[number];
}

static void list_twice(void)
{
	LIST_HEAD(head);
	LIST_HEAD(entry);

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

static void expire(struct timer_list *timer)
{
}

static void free_busy(void)
{
	struct busy *busy = kmalloc(sizeof(*busy), GFP_KERNEL);

	if (!busy)
		return;
	timer_setup(&busy->timer, expire, 0);
	mod_timer(&busy->timer, jiffies + 3600 * HZ);
	kfree(busy);
}

static const struct {
	const char *name;
	void (*commit)(void);
} flaws[] = {
	{ "leak", leak },
	{ "use-after-free", use_after_free },
	{ "lock-order", lock_order },
	{ "sleep", sleep_in_atomic },
	{ "shift", shift },
	{ "bounds", bounds },
	{ "list", list_twice },
	{ "timer", free_busy },
};

static int __init flaw_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flaws); i++) {
		if (!strcmp(what, flaws[i].name)) {
			flaws[i].commit();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(flaw_init);

static void __exit flaw_exit(void)
{
}
module_exit(flaw_exit);

MODULE_DESCRIPTION("directpath: flaws for the CI kernel to see");
MODULE_LICENSE("GPL");
