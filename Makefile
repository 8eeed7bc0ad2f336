# SPDX-License-Identifier: GPL-2.0
# directpath: modules, tool, tests. `make help` lists the targets.

VERSION := 0.1.0

KDIR   ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
MACHINE ?= full

BED   := selftests/bed
TOOL  := tools/directpath
TESTS := $(filter-out $(BED)/,$(dir $(wildcard selftests/*/Makefile)))

# Read when a recipe needs them: most targets want no kernel headers.
KVER     = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
		$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
OBJ      = build/$(or $(KVER),$(error no kernel headers at $(KDIR)))
MODDIR   = $(DESTDIR)/lib/modules/$(KVER)/updates/directpath
DEPMOD   = $(if $(DESTDIR),true,depmod $(KVER))
STRICT   = $(if $(filter 1,$(WERROR)),W=1 KCFLAGS=-Werror)
BEDARGS  = $(addprefix -k ,$(KERNEL)) $(addprefix -t ,$(T))
INSTALL_HDR_PATH ?= $(CURDIR)/build/usr

INSTALL_DATA := install -D -m 644
DKMSDIR       = $(DESTDIR)/usr/src/directpath-$(VERSION)

.DEFAULT_GOAL := all
.PHONY: all modules tools test-programs deps check check-full check-next kunit demo bench shell gates clean help headers_install \
	install uninstall install-vfio uninstall-vfio install-dkms uninstall-dkms

all: modules tools

# Kbuild writes next to its sources, so it gets a tree of links to ours, one
# for each kernel. Links to files that are gone go as well.
modules:
	@mkdir -p $(OBJ)
	@find $(OBJ) -xtype l -delete
	@cp -asf $(CURDIR)/kmod $(CURDIR)/uapi $(CURDIR)/Kbuild $(OBJ)/
	@$(if $(TEST_MODULES),mkdir -p $(OBJ)/selftests && cp -asf $(CURDIR)/selftests/modules $(OBJ)/selftests/)
	+@$(if $(STRICT),KDOC_WERROR=1) flock $(OBJ) \
		$(MAKE) -C $(KDIR) M=$(CURDIR)/$(OBJ) $(STRICT) \
			$(addprefix TEST_MODULES=,$(TEST_MODULES)) modules

tools:
	$(MAKE) -C $(TOOL)

# Wants what `deps' brings.
test-programs:
	@set -e; for dir in $(TESTS); do $(MAKE) -C $$dir; done

deps:
	@$(BED)/deps

check: deps
	@$(BED)/bed check $(BEDARGS)

# The counts that the claims state; `check' runs a share of the long loops.
check-full: deps
	@DP_ROUNDS=$(or $(ROUNDS),50) $(BED)/bed check $(BEDARGS)

# The newest kernel source of Debian's unstable: a look ahead, not a part of `check'.
check-next: deps
	@selftests/ci/next

# User Mode Linux from Debian's kernel sources; the CI kernel runs them as it boots.
kunit:
	@set -e; for k in $(or $(KERNEL),6.1 6.12 ci); do \
		if [ $$k = ci ]; then selftests/ci/kunit; else selftests/kunit-cached $$k; fi; done

demo: deps
	@$(BED)/bed demo --build $(BEDARGS)

bench: deps
	@$(BED)/bed bench --build $(BEDARGS)

shell: deps
	@$(BED)/bed shell -m $(MACHINE) $(BEDARGS)

gates: deps
	@selftests/gates

# Nothing in them is the kernel's own (a gate looks), so they go as they are.
headers_install:
	install -d $(INSTALL_HDR_PATH)/include/linux
	install -m 644 uapi/linux/directpath*.h $(INSTALL_HDR_PATH)/include/linux/

install: modules tools
	$(INSTALL_DATA) $(OBJ)/kmod/directpath.ko $(MODDIR)/directpath.ko
	strip -g $(MODDIR)/directpath.ko
	$(MAKE) -C $(TOOL) install-files PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
	$(MAKE) headers_install INSTALL_HDR_PATH=$(DESTDIR)$(PREFIX)
	$(DEPMOD)

# Nothing may be removed under a device that a VM still has.
uninstall: uninstall-vfio
	if [ -d /sys/module/directpath ] && [ -z "$(DESTDIR)" ]; then \
		$(PREFIX)/sbin/directpath host release-all && \
		modprobe -r directpath; \
	fi
	rm -f $(MODDIR)/directpath.ko
	-rmdir $(MODDIR) 2>/dev/null
	$(MAKE) -C $(TOOL) uninstall PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
	rm -f $(DESTDIR)$(PREFIX)/include/linux/directpath*.h
	$(DEPMOD)

# In updates/, these two take the place of the kernel's own.
install-vfio: modules
	$(INSTALL_DATA) $(OBJ)/kmod/vfio/vfio.ko $(MODDIR)/vfio.ko
	$(INSTALL_DATA) $(OBJ)/kmod/vfio/vfio-pci.ko $(MODDIR)/vfio-pci.ko
	strip -g $(MODDIR)/vfio.ko $(MODDIR)/vfio-pci.ko
	$(DEPMOD)

uninstall-vfio:
	if [ -e $(MODDIR)/vfio.ko ] && [ -d /sys/module/vfio ] && \
	   [ -z "$(DESTDIR)" ]; then \
		$(PREFIX)/sbin/directpath host release-all && \
		modprobe -r vfio-pci vfio; \
	fi
	rm -f $(MODDIR)/vfio.ko $(MODDIR)/vfio-pci.ko
	-rmdir $(MODDIR) 2>/dev/null
	$(DEPMOD)

install-dkms:
	install -d $(DKMSDIR)
	cp -a kmod uapi Kbuild $(DKMSDIR)/
	sed 's/@VERSION@/$(VERSION)/' kmod/dkms.conf >$(DKMSDIR)/dkms.conf

uninstall-dkms:
	rm -rf $(DKMSDIR)

clean:
	rm -rf build
	@set -e; for dir in $(wildcard $(TOOL)/Makefile) $(TESTS); do \
		$(MAKE) -C $${dir%Makefile} clean; done

help:
	@echo 'Building:'
	@echo '  all             modules for the running kernel and the tool (default)'
	@echo '  modules         KDIR=<headers> for another kernel, WERROR=1 for strict,'
	@echo '                  TEST_MODULES=1 for those of the tests, too,'
	@echo '                  DIRECTPATH_CI=1 with hooks for them, on a kernel with FAULT_INJECTION'
	@echo '  tools           the tool'
	@echo '  test-programs   the C programs of the tests'
	@echo '  clean           remove what was built'
	@echo 'Trying and testing, in emulated machines on a Debian 12 host:'
	@echo '  demo            a guest with a passed-through disk, step by step'
	@echo '  check           build, gates and all tests on both kernels and the CI kernel;'
	@echo '                  T=<test> for one, KERNEL=6.1|6.12|ci|<dir> for one kernel'
	@echo '  check-full      the same with the full counts of the long loops, and everything on the CI kernel'
	@echo '  check-next      build, gates and unit tests on the newest source of Debian unstable'
	@echo '  kunit           unit tests on User Mode Linux and the CI kernel; KERNEL=6.1|6.12|ci'
	@echo '  bench           measurements; KERNEL= as above'
	@echo '  shell           a root prompt; KERNEL= as above,'
	@echo '                  MACHINE=full|amd|noiommu|nointremap|snoop|bigbar|vga|rmrr|kexec'
	@echo '  gates           static checks only'
	@echo '  deps            set up what these need (they do it themselves)'
	@echo 'Installing (PREFIX=$(PREFIX), DESTDIR= honoured):'
	@echo '  install         directpath.ko, tool, man page, uapi headers'
	@echo '  headers_install uapi headers only, below INSTALL_HDR_PATH (build/usr)'
	@echo '  install-vfio    also vfio.ko and vfio-pci.ko, in place of the kernel'"'"'s'
	@echo '  install-dkms    sources for DKMS in /usr/src'
	@echo '  uninstall, uninstall-vfio, uninstall-dkms   undo, after giving all devices back'
