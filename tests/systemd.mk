# SPDX-License-Identifier: BSD-2-Clause
# Limits below a real systemd. Read after tests.mk.
#
#: check-systemd   run limits in scopes and services of systemd, in a guest

# The release that has the systemd, and the kernel of the guest.
SYSTEMD_SUITE ?= bookworm
SYSTEMD_KERNEL ?= 6.12
SYSTEMD_PACKAGES := attr libc6 libc-bin bash dash coreutils grep sed findutils mount \
	util-linux passwd kmod systemd systemd-sysv dbus dbus-user-session \
	libpam-modules libpam-systemd

.PHONY: check-systemd
check-systemd: $(O)/static/spawn-template
	$(Q)scripts/deps vm
	$(Q)ROOT_PACKAGES='$(SYSTEMD_PACKAGES)' tests/libc/roots $(O)/systemd \
		$(SYSTEMD_SUITE)
	$(Q)tests/vm/kernels $(O)/vm/kernels $(SYSTEMD_KERNEL)
	$(Q)tests/systemd/run $(O)/systemd $(O)/vm/kernels $(SYSTEMD_KERNEL) $<
