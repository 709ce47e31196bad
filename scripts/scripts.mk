# SPDX-License-Identifier: BSD-2-Clause
#
#: lint            check style, scripts, manual pages and exported names
#: abi             write include/abi.txt, the layout of the public header
#: format          bring C sources into the form of .clang-format

LINT_CFLAGS = $(filter-out -MMD -MP,$(LIB_CFLAGS)) -I$(O)/bpf -DVERSION=__FILE__

.PHONY: lint abi format
lint: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O='$(O)' LINT_CFLAGS='$(LINT_CFLAGS)' \
		scripts/lint

abi:
	$(Q)mkdir -p $(O) && scripts/abi > $(O)/abi.txt && mv $(O)/abi.txt include/abi.txt

format:
	$(Q)scripts/format $$(find include src bpf tests bench demo fuzz bindings \
		-name '*.[ch]' | sort)
