# SPDX-License-Identifier: BSD-2-Clause
#
#: lint            check style, scripts, manual pages and exported names
#: check-abi       compare the exported ABI with the version before
#: abi             write include/abi.txt, the layout of the header, and Rust's declarations
#: format          bring C sources into the form of .clang-format

LINT_CFLAGS = $(filter-out -MMD -MP,$(LIB_CFLAGS)) -I$(O)/bpf -DVERSION=__FILE__

.PHONY: lint check-abi abi format
lint: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O='$(O)' LINT_CFLAGS='$(LINT_CFLAGS)' \
		scripts/lint

check-abi: $(O)/libspawn_template.so
	$(Q)O='$(O)' scripts/check-abi

abi:
	$(Q)mkdir -p $(O) && scripts/abi > $(O)/abi.txt && mv $(O)/abi.txt include/abi.txt
	$(Q)$(MAKE) --no-print-directory rust-bindings

format:
	$(Q)scripts/format $$(find include src bpf tests bench demo fuzz bindings \
		-name '*.[ch]' | sort)
