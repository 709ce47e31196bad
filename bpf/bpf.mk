# SPDX-License-Identifier: BSD-2-Clause
# The kernel programs: one object for all kernels, and the header that holds it for
# the daemon.

BPF_CC ?= clang
BPF_OBJ := $(O)/exec_cache.bpf.o
BPF_SKEL := $(O)/bpf/exec_cache.skel.h
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
# bpftool is in sbin, which a user's path may lack.
BPFTOOL ?= $(firstword $(shell PATH="$$PATH:/usr/sbin:/sbin" \
	command -v bpftool) bpftool)

NO_clang = $(call once,NO_clang,$(shell echo 'int a;' | \
	$(BPF_CC) -target bpf -x c -c -o /dev/null - 2>/dev/null || \
	echo 'no $(BPF_CC) that compiles for bpf (Debian: clang)'))
NO_bpftool = $(call once,NO_bpftool,$(shell command -v $(BPFTOOL) >/dev/null || \
	echo 'no bpftool (Debian: bpftool)'))

$(BPF_OBJ): | need-clang
$(BPF_OBJ): bpf/exec_cache.bpf.c $(wildcard bpf/*.h) src/shared/proto.h
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(BPF_CC) -target bpf -mcpu=v3 -O2 -g -std=gnu11 $(WARN) -Wno-unused-parameter \
		-D__TARGET_ARCH_$(BPF_ARCH) -iquote src -c -o $@ $<

$(BPF_SKEL): $(BPF_OBJ) | need-bpftool
	@mkdir -p $(@D)
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name exec_cache > $@.tmp && mv $@.tmp $@
