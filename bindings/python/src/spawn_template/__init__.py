# SPDX-License-Identifier: BSD-2-Clause
"""Start the same executables many times, fast and safely."""
from ._native import __version__ as __version__
from .dropin import install as install
from .dropin import installed as installed
from .dropin import stats as stats
from .dropin import uninstall as uninstall
