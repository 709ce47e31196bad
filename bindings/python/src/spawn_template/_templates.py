# SPDX-License-Identifier: BSD-2-Clause
"""The cache of templates that launches of this process go through.

It is the library's. It looks for the file at each launch, remembers what it has learned
of the files that were used last, and holds nothing open between launches, so that
neither deleted programs nor mounts stay in use. In a child of fork it starts empty. A
signal handler may launch, too: the library's lock is never held while Python code runs.
"""
import errno

from ._native import Cache

LIMIT = 64

# Seconds for which the original launches an executable that can have no template,
# unless the file changes.
RETRY_AFTER = 1.0

cache = Cache(LIMIT, negative=RETRY_AFTER)

# What the caches before this one have found to be stale.
_stale_before = 0


def stale() -> int:
    """Returns how many executables had changed, and so got another template."""
    return _stale_before + cache.stat()["changed"]


def clear() -> None:
    """Forgets what is known of files."""
    global cache, _stale_before
    before, cache = cache, Cache(LIMIT, negative=RETRY_AFTER)
    _stale_before += before.stat()["changed"]


def name_of(number: int) -> str:
    """Returns the name of an errno, such as ENOEXEC."""
    return errno.errorcode.get(number, str(number))
