# SPDX-License-Identifier: BSD-2-Clause
#
#: lint            check style, scripts, manual pages and exported names
#: format          bring C sources into the form of .clang-format

LINT_CFLAGS = $(filter-out -MMD -MP,$(LIB_CFLAGS)) -I$(O)/bpf -DVERSION=__FILE__

.PHONY: lint format
lint: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O='$(O)' LINT_CFLAGS='$(LINT_CFLAGS)' \
		scripts/lint

format:
	$(Q)scripts/format $$(find include src bpf tests bench demo fuzz bindings \
		-name '*.[ch]' | sort)
