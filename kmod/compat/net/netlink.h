/* SPDX-License-Identifier: GPL-2.0 */
#include_next <net/netlink.h>

#ifndef DPATH_COMPAT_NET_NETLINK_H
#define DPATH_COMPAT_NET_NETLINK_H

#ifndef DPATH_HAVE_CONST_NLA_RANGE
/* gone with 6.1: the policy's pointer to a range is not const, though nobody writes through it; generated tables are */
#undef NLA_POLICY_FULL_RANGE
#define NLA_POLICY_FULL_RANGE(tp, _range) {			\
	.type = NLA_ENSURE_UINT_OR_BINARY_TYPE(tp),		\
	.validation_type = NLA_VALIDATE_RANGE_PTR,		\
	.range = (struct netlink_range_validation *)(_range),	\
}
#endif

#endif
