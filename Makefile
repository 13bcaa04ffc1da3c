# SPDX-License-Identifier: GPL-2.0-only
# For people. What the kernel's build system needs is in Kbuild.
#
#   make                    build ib_ipoib.ko for the running kernel
#   make KDIR=<tree>        build it for the kernel of that build tree
#   make DEBUG=1            with self-tests that run when it is loaded
#   make COVERAGE=1         counts what runs, for a kernel with CONFIG_GCOV_KERNEL
#   make install            put it into updates/, ahead of the stock module
#   make uninstall          take it out again: the stock module is back
#   make demo               two hosts on a virtual fabric, in a VM
#   make check              lint, host unit tests and guest cases
#   make lint               style, static checks and size budgets
#   make clean              remove what was built

KDIR ?= /lib/modules/$(shell uname -r)/build
INSTALL_MOD_PATH ?=

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)
utsrelease = $(KDIR)/include/generated/utsrelease.h
release = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(utsrelease))
installed = $(INSTALL_MOD_PATH)/lib/modules/$(release)/updates/ib_ipoib.ko

all: kdir
	$(kbuild) modules

kdir:
	$(if $(wildcard $(utsrelease)),,$(error ib_ipoib: "$(KDIR)" is no \
	prepared kernel build tree; install the linux-headers package of \
	the kernel or give a tree with KDIR=<tree>))

install: all
	$(kbuild) INSTALL_MOD_DIR=updates modules_install
	depmod $(addprefix -b ,$(INSTALL_MOD_PATH)) $(release)

uninstall: kdir
	rm -f $(installed) $(addprefix $(installed),.gz .xz .zst)
	depmod $(addprefix -b ,$(INSTALL_MOD_PATH)) $(release)

clean: kdir
	$(kbuild) clean
	$(MAKE) -C tests/vib KDIR=$(KDIR) clean

demo check lint:
	scripts/$@

.PHONY: all kdir install uninstall clean demo check lint
