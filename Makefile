# SPDX-License-Identifier: GPL-2.0-only
# Builds, installs, tests and shows kpc; `make help` lists what there is.

top	:= $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
include $(top)/output.mk
out	:= $(O)

# The kernel that the module is for.
KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build
kobj	:= $(out)/kmod/$(KVER)$(if $(KUNIT),-kunit)

PREFIX	?= /usr
DESTDIR	?=
# Each part installs from a directory of its own.
ifneq ($(DESTDIR),)
override DESTDIR := $(abspath $(DESTDIR))
endif
export PREFIX

# What `make check` runs, and the machine that `make demo` shows.
CHECKS	?= host vm
KERNEL	?= new

# Goals follow each other, and each is parallel in itself: userspace and tests
# both bring libkpc.a up to date.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: all userspace modules install modules_install clean help setup \
	tests check check-host check-sanitize check-vm check-debug check-interop \
	check-fuzz check-long lint demo bench bench-kmod bench-handshake oracle lab-clean

all: userspace $(if $(wildcard $(KDIR)/Makefile),modules)

userspace:
	$(MAKE) -C userspace O=$(out) all

# Our O= would mean something else to the kernel's own make, so it gets none of
# our variables but what KFLAGS holds (KFLAGS='C=2 W=1').
KFLAGS	?=
modules modules_install: MAKEOVERRIDES :=

# The kernel builds beside its sources, so each release gets a copy of them:
# the tree stays clean and nothing is built twice for another release.
modules: $(begun)
	@test -f $(KDIR)/Makefile || { \
		echo "modules: no headers of kernel $(KVER) at $(KDIR):" \
		     "install linux-headers-$(KVER) or name another by KVER=" >&2; \
		exit 1; }
	@mkdir -p $(kobj)/src/kmod $(kobj)/src/include
	@cp -pu Kbuild $(kobj)/src/
	@cp -pruT include/uapi $(kobj)/src/include/uapi
	@cd kmod && find . \( -name '*.[chS]' -o -name Kbuild \) \
		-exec cp -pu --parents -t $(kobj)/src/kmod {} +
	$(MAKE) -C $(KDIR) M=$(kobj)/src $(if $(KUNIT),KUNIT=1) $(KFLAGS) modules
	@cp -p $(kobj)/src/kmod/kpc.ko $(kobj)/kpc.ko

install: userspace
	$(MAKE) -C userspace O=$(out) DESTDIR=$(DESTDIR) install
	$(MAKE) -C packaging DESTDIR=$(DESTDIR) install

# The kernel's own does without depmod where its headers come without System.map.
modules_install: modules
	$(MAKE) -C $(KDIR) M=$(kobj)/src modules_install
	depmod -a $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KVER)

# Not of a directory that is somebody else's.
clean:
	@if $(is_begun); then set -x; rm -rf $(addprefix $(out)/,$(parts)) $(begun); fi
	@if test -e $(out)/sanitize/$(notdir $(begun)); then \
		set -x; rm -rf $(out)/sanitize; fi
	$(call remove_reports,$(out)/report)

# What the lab built inside its root filesystems, and the test machines' disks.
lab-clean:
	rm -rf "$${KPC_BUILD:-$(top)/build}/lab"

setup:
	@selftests/lab/setup

tests:
	$(MAKE) -C selftests O=$(out) all

# Some groups need packages of their own.
check:
	@selftests/lab/setup $(filter fuzz interop,$(CHECKS))
	@selftests/run --report $(out)/report $(CHECKS)

check-host check-sanitize check-vm check-debug lint: setup
	@selftests/run --report $(out)/report $(@:check-%=%)

check-interop:
	@selftests/lab/setup interop
	@selftests/run --report $(out)/report interop

SECONDS	?= 60
check-fuzz:
	@selftests/lab/setup fuzz
	@KPC_FUZZ_SECONDS=$(SECONDS) selftests/run --report $(out)/report fuzz

# What is relayed over a bad cable, octet by octet: MIB on this machine, LAB_MIB in
# each of the lab's.
MIB	?= 10240
LAB_MIB	?= 2048
check-long: setup
	@KPC_INTEGRITY_MIB=$(MIB) KPC_LAB_MIB=$(LAB_MIB) \
		selftests/run --report $(out)/report long

demo: setup
	@selftests/demo/run --kernel $(KERNEL)

# kpcd beside its peers, in machines that count instructions; hours. BENCH holds
# options of selftests/bench/run, where --runs, --peer and --connections make it
# shorter.
KERNELS	?= 6.12 new
SCENARIOS ?= limit encrypt decrypt both request connect datagrams module idle scale
BENCH_MIB ?= 16
bench: setup
	@selftests/bench/lab --out $(out)/report/bench --kernels '$(KERNELS)' \
		--scenarios '$(SCENARIOS)' $(if $(RST),--rst '$(RST)') -- \
		--mib $(BENCH_MIB) $(BENCH)

# In machines that count instructions; a kernel takes some minutes for what a packet
# costs (path), half an hour for a hundred thousand of everything (scale).
KMOD_KERNELS ?= 6.1 6.12 new
KMOD_BENCH ?= path scale
bench-kmod: setup
	@for kernel in $(KMOD_KERNELS); do \
		selftests/lab/run --kernel $$kernel --icount --mem 4096 --timeout 7200 \
			--out $(out)/report/bench-kmod/$$kernel \
			$(KMOD_BENCH:%=selftests/kmod/bench_%.c) || exit; \
	done
	@echo
	@selftests/kmod/budgets $(KMOD_KERNELS:%=$(out)/report/bench-kmod/%)

# On this machine; processors that others use too count less, as all runs take turns.
bench-handshake: userspace tests
	@KPC_BUILD=$(O) PATH="$(O)/bin:$$PATH" selftests/kpcd/handshakes.py

# 400,000 handshakes; some minutes.
oracle: userspace tests
	@KPC_BUILD=$(O) PATH="$(O)/bin:$$PATH" selftests/kpcd/oracle.py

help:
	@echo 'make              userspace and, where its headers are, the module'
	@echo 'make userspace    libkpc, kpcd, kpc, kpcperf into $(O)/'
	@echo 'make modules      kpc.ko for KVER=$(KVER) into $(O)/kmod/$(KVER)/'
	@echo '                  KUNIT=1: one with its KUnit suites, into $(KVER)-kunit/'
	@echo 'make install      userspace, units, pages, the module for dkms; DESTDIR= PREFIX='
	@echo 'make modules_install   the module for KVER, as the kernel does'
	@echo 'make demo         the main job in virtual machines, with a report'
	@echo 'make check        all tests; TAP files in $(O)/report/'
	@echo 'make check-host   the tests that run on any host'
	@echo 'make check-sanitize   the same, built with address and undefined sanitizers'
	@echo 'make check-vm     the tests that run in virtual machines'
	@echo 'make check-debug  those and more on a kernel with KASAN, lockdep, fault injection'
	@echo 'make check-interop   kpcd against other programs of TLS-PSK; a table of it'
	@echo 'make check-fuzz   what reads hostile octets, fuzzed for SECONDS=$(SECONDS) each'
	@echo 'make check-long   MIB=$(MIB) through two agents here, LAB_MIB=$(LAB_MIB) in machines'
	@echo 'make bench        kpcd beside its peers on KERNELS="$(KERNELS)"; tables and plots'
	@echo 'make bench-kmod   what the module costs, on KMOD_KERNELS="$(KMOD_KERNELS)"; budgets'
	@echo 'make bench-handshake   accepted handshakes, of OpenSSL'\''s own ceiling; messages beside them'
	@echo 'make oracle       what a peer that is refused learns from how long it takes'
	@echo 'make lint         checkpatch --strict, sparse, coccicheck where spatch is'
	@echo 'make setup        installs packages and makes the lab (demo and check do it)'
	@echo 'make clean        removes what was built; lab-clean what the lab built'
