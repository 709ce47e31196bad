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

# Both begin with an empty line, so that they can follow another fragment.
define INSTALL_MORE +=

	install -d $(addprefix $(DESTDIR)$(MANDIR)/man,\
		$(sort $(patsubst .%,%,$(suffix $(MAN_PAGES)))))
	for page in $(MAN_PAGES); do \
		install -m644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.} || \
			exit 1; \
	done
endef

define UNINSTALL_MORE +=

	for page in $(notdir $(MAN_PAGES)); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; \
	done
endef
