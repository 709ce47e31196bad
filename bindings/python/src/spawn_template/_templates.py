# SPDX-License-Identifier: BSD-2-Clause
"""The cache of templates that launches of this process go through.

The library has the cache. It looks for the file at each launch, remembers what it has
learned of the files that were used last, and holds nothing open between launches, so
that neither deleted programs nor mounts stay in use. In a child of fork the cache starts
empty. A signal handler may launch, too: no thread holds the library's lock while Python
code runs.
"""
import errno

from ._native import Cache

LIMIT = 64

# If an executable can have no template, the original launches it for so many seconds,
# unless the file changes.
RETRY_AFTER = 1.0

cache = Cache(LIMIT, negative=RETRY_AFTER)

# The number of executables that earlier caches have found to be stale.
_stale_before = 0


def stale() -> int:
    """Returns how many executables had changed, and so got another template."""
    return _stale_before + cache.stat()["changed"]


def clear() -> None:
    """Forgets all files."""
    global cache, _stale_before
    before, cache = cache, Cache(LIMIT, negative=RETRY_AFTER)
    _stale_before += before.stat()["changed"]


def name_of(number: int) -> str:
    """Returns the name of an errno, such as ENOEXEC."""
    return errno.errorcode.get(number, str(number))
