# SPDX-License-Identifier: BSD-2-Clause
#
#: check-batch-clients  run the clients of docs/batch.md in compiled languages

.PHONY: check-batch-clients
check-batch-clients: all
	$(Q)O='$(O)' tests/run tests/batch_clients.sh
