# SPDX-License-Identifier: GPL-2.0
# How to build with the library: a Makefile sets DPATH_LIB to this directory and
# includes this file, compiles with $(DPATH_CFLAGS) and links $(DPATH_A) and
# $(DPATH_LDLIBS). The kselftest harness is the kernel's.

CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/directpath
KSELFTEST_DIR ?= $(CACHE)/src/linux-source-6.12/tools/testing/selftests
PKG_CONFIG ?= pkg-config

DPATH_CFLAGS := -O2 -g -std=gnu11 -Wall -Wextra -Werror -MMD -MP \
	-I$(DPATH_LIB) -I$(DPATH_LIB)/../../uapi -isystem $(KSELFTEST_DIR) \
	$(shell $(PKG_CONFIG) --cflags libnl-genl-3.0)
DPATH_LDLIBS := $(shell $(PKG_CONFIG) --libs libnl-genl-3.0) -lpthread
DPATH_A := $(DPATH_LIB)/libdpath.a

DPATH_OBJS := $(patsubst %.c,%.o,$(wildcard $(DPATH_LIB)/*.c))

$(DPATH_A): $(DPATH_OBJS)
	$(AR) rcs $@ $^

$(DPATH_LIB)/%.o: $(DPATH_LIB)/%.c
	$(CC) -D_GNU_SOURCE $(DPATH_CFLAGS) -c -o $@ $<

-include $(DPATH_OBJS:.o=.d)

.PHONY: clean-lib
clean-lib:
	rm -f $(DPATH_A) $(DPATH_LIB)/*.o $(DPATH_LIB)/*.d
