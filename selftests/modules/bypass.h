/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_MODULES_BYPASS_H
#define DPATH_TEST_MODULES_BYPASS_H

/*
 * /dev/dpath-test-bypass: every open file is a consumer of irq bypass, as an irqfd of KVM is one. Write a struct bypass_listen once, read a struct
 * bypass_seen as often as you like; closing ends it.
 */

#include <linux/types.h>

/**
 * struct bypass_listen - what to listen to
 * @eventfd: fd of the eventfd whose producer is waited for
 * @refuse: say no to every producer
 */
struct bypass_listen {
	__s32 eventfd;
	__u32 refuse;
};

/**
 * struct bypass_seen - what has happened
 * @added: producers that came
 * @deleted: producers that went
 * @irq: Linux interrupt of the last that came
 * @connected: there is one now
 */
struct bypass_seen {
	__u64 added;
	__u64 deleted;
	__s32 irq;
	__u32 connected;
};

#endif
