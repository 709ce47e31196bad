# SPDX-License-Identifier: BSD-2-Clause
# The crates spawn_template-sys and spawn_template for Rust: docs/rust.md. CARGO= is the
# cargo to build with; RUST_OLDEST= the folder of the oldest rustc that is supported.
#
#: rust            build the crates for Rust, in build/rust
#: rust-bindings   write the crates' declarations anew from include/
#: bench-rust      measure launches and runs beside std::process and tokio::process, and plot
#: check-rust      test the crates, their packages, and the oldest Rust
#: check-rust-dropin  run the suites of duct, shared_child and tokio::process with the crate

CARGO ?= cargo
RUST_OLDEST ?= /usr/bin

RUST_DIR := bindings/rust
RUST_DECLARATIONS := $(RUST_DIR)/spawn_template-sys/src/bindings.rs
rust_cargo = cd $(RUST_DIR) && CARGO_TARGET_DIR='$(abspath $(O))/rust' $(CARGO)

.PHONY: rust rust-bindings check-rust deps-rust
rust:
	$(Q)$(rust_cargo) build --workspace --features spawn_template/tokio

rust-bindings:
	$(Q)mkdir -p $(O)
	$(Q)$(RUST_DIR)/spawn_template-sys/generate > $(O)/bindings.rs
	$(Q)mv $(O)/bindings.rs $(RUST_DECLARATIONS)

# RUST_BENCH="--short --check": fewer rounds, a smaller parent; fail on a regression.
RUST_BENCH ?=
.PHONY: bench-rust
bench-rust:
	$(Q)mkdir -p $(O)/bench
	$(Q)$(rust_cargo) bench -q -p spawn_template --features tokio --bench launch -- \
		--data '$(abspath $(O))/bench/rust.dat' $(RUST_BENCH) \
		> '$(O)/bench/rust.md'; status=$$?; cat '$(O)/bench/rust.md'; \
		exit $$status
	$(Q)if command -v gnuplot >/dev/null; then for term in svg png; do \
		for plot in rust rust-cpu; do \
			gnuplot -e "data='$(O)/bench/rust.dat'; term='$$term'" \
				-e "out='$(O)/bench/$$plot.$$term'" \
				$(RUST_DIR)/launch.gp || exit 1; done; done; fi

deps-rust:
	$(Q)scripts/deps rust

check-rust: deps-rust library
	$(Q)O='$(abspath $(O))' CARGO='$(CARGO)' RUST_OLDEST='$(RUST_OLDEST)' \
		MAKE='$(MAKE)' $(RUST_DIR)/tests/check

.PHONY: check-rust-dropin
check-rust-dropin: deps-rust
	$(Q)O='$(abspath $(O))' CARGO='$(CARGO)' $(RUST_DIR)/tests/dropin/run

.PHONY: clean-rust
clean: clean-rust
clean-rust:
	rm -rf $(RUST_DIR)/Cargo.lock $(RUST_DIR)/target
