# SPDX-License-Identifier: BSD-2-Clause
"""Start the same executables many times, fast and safely."""
from ._native import __version__ as __version__
