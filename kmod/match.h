/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_MATCH_H
#define DPATH_MATCH_H

#include <linux/types.h>

bool dpath_match_name_valid(const char *name);
bool dpath_match_pattern(const char *pattern, const char *name);
int dpath_match_address(const char *text, unsigned int *domain, unsigned int *bus, unsigned int *devfn);

#endif
