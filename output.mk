# SPDX-License-Identifier: GPL-2.0-only
# O=, the directory for what is built. Whoever includes this has set `top`, the
# tree; what it builds wants $(begun) first, what it cleans wants $(is_begun).

O	?= $(top)/build
override O := $(abspath $(O))

ifneq ($(words $(O)),1)
$(error O=$(O) is no name of one directory: name one without spaces for what is \
	built, or leave it out)
endif
ifneq ($(wildcard $(O)/Makefile $(O)/Kbuild),)
$(error O=$(O) holds sources: name another directory for what is built, or leave it out)
endif

.DEFAULT_GOAL := all

# In a directory that has this file everything of these names was built here.
begun	:= $(O)/.kpc-build
parts	:= bin lib kmod selftests userspace examples interop fuzz
is_begun = test -e $(begun)

# What runs of the tests have written, in a directory or beside others there.
define remove_reports
	@for dir in $(1)/ $(1)/*/; do \
		test ! -e $$dir.kpc-report || (set -x; rm -rf $$dir); done
	@test ! -d $(1) || rmdir --ignore-fail-on-non-empty $(1)
endef

$(begun):
	@for part in $(parts); do \
		test ! -e $(O)/$$part || { \
			echo "$(O)/$$part was not built from here (no $(begun)):" \
			     "name another directory by O=, or remove it" >&2; \
			exit 1; }; done
	@mkdir -p $(O)
	@touch $@
