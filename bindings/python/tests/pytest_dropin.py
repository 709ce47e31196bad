# SPDX-License-Identifier: BSD-2-Clause
"""A plugin of pytest (-p pytest_dropin): calls install() first, stats() at the end.

A session fails if too few launches went through templates.
"""
import run_cpython
import spawn_template


def pytest_configure(config):
    spawn_template.install()


def pytest_terminal_summary(terminalreporter):
    stats = spawn_template.stats()
    terminalreporter.write_line("launches: %d through templates, by the "
                                "original: %s" % (stats["cold"],
                                                  stats["fallback"] or 0))


def pytest_sessionfinish(session):
    if not run_cpython.is_enough(spawn_template.stats()):
        session.exitstatus = 1
