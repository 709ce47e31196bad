# SPDX-License-Identifier: BSD-2-Clause
#
#: man             check the manual pages and render them into build/man

MAN_PAGES := $(sort $(wildcard man/*.[1-8]))

.PHONY: man
man: $(MAN_PAGES:man/%=$(O)/man/%.txt)

$(O)/man/%.txt: man/%
	@mkdir -p $(@D)
	$(call say,MAN,$<)
	$(Q)mandoc -Tlint -W warning,stop $<
	$(Q)mandoc -Tascii $< | sed 's/.\x08//g' > $@

# ---- install: each page is installed with the part that it describes

MAN_OWNERS := library spawn-template spawn-templated
MAN_library := $(filter %.3 %.7,$(MAN_PAGES))
MAN_spawn-template := $(filter %.1,$(MAN_PAGES))
MAN_spawn-templated := $(filter %.8,$(MAN_PAGES))

.PHONY: $(MAN_OWNERS:%=install-man-%) $(MAN_OWNERS:%=uninstall-man-%)
$(MAN_OWNERS:%=install-%): install-%: install-man-%
$(MAN_OWNERS:%=uninstall-%): uninstall-%: uninstall-man-%

$(MAN_OWNERS:%=install-man-%): install-man-%:
	install -d $(addprefix $(DESTDIR)$(MANDIR)/man,\
		$(sort $(patsubst .%,%,$(suffix $(MAN_$*)))))
	for page in $(MAN_$*); do \
		install -m644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.} || \
			exit 1; \
	done

$(MAN_OWNERS:%=uninstall-man-%): uninstall-man-%:
	for page in $(notdir $(MAN_$*)); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; \
	done
