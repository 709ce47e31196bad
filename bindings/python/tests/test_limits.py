# SPDX-License-Identifier: BSD-2-Clause
"""Limits on the tree of a run, in event loops and without.

The kernel gives controllers to few processes, so each test says what comes without."""
import asyncio
import errno
import unittest

import spawn_template

# Each limit, and what the error names where it cannot be set.
NAMES = {"memory_max": (1 << 20, "memory"), "memory_swap_max": (None, "memory"),
         "pids_max": (9, "processes"), "cpu_max": (0.5, "CPU time"),
         "cpu_weight": (50, "CPU time"), "io_weight": (50, "I/O")}
REFUSALS = (errno.EOPNOTSUPP, errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS)


class Limits(unittest.TestCase):
    def run_limited(self, limits, *args):
        """Return the result, or None where a limit cannot be set."""
        try:
            return spawn_template.run_sync(*args, limits=limits)
        except OSError as error:
            self.assertIn(error.errno, REFUSALS)
            self.assertEqual(error.stage, spawn_template.STAGE_ATTR)
            return None

    def test_each_limit_is_asked_for(self):
        for name, (value, text) in NAMES.items():
            with self.subTest(name):
                try:
                    result = spawn_template.run_sync("true", limits={name: value})
                    self.assertTrue(result.cgroup)
                except OSError as error:
                    self.assertIn(error.errno, REFUSALS)
                    self.assertIn("cannot limit " + text, str(error))

    def test_too_much_memory_ends_the_tree(self):
        result = self.run_limited({"memory_max": 16 << 20, "pids_max": 50}, "sh", "-c",
                                  "x=x; while :; do x=$x$x; done")
        if result is not None:
            self.assertTrue(result.oom)
            self.assertEqual(result.signal, 9)
            self.assertGreater(result.memory_peak, 8 << 20)

    def test_usage_needs_no_limit(self):
        try:
            result = spawn_template.run_sync("sh", "-c", "exit 3", limits={})
        except OSError as error:        # without a cgroup
            self.assertIn(error.errno, REFUSALS)
            return
        self.assertEqual(result.code, 3)
        self.assertFalse(result.oom)
        self.assertGreater(result.cpu_us, 0)

    def test_a_loop_gets_the_same_answer(self):
        async def main():
            return await spawn_template.run("true", limits={"memory_max": 1 << 30})

        expected = self.run_limited({"memory_max": 1 << 30}, "true")
        if expected is None:
            with self.assertRaises(OSError) as caught:
                asyncio.run(main())
            self.assertEqual(caught.exception.stage, spawn_template.STAGE_ATTR)
        else:
            self.assertEqual(asyncio.run(main()).code, 0)

    def test_a_bad_limit_is_refused(self):
        for name, value in (("memory_max", 0), ("pids_max", 2**31), ("cpu_max", 0),
                            ("cpu_max", float("nan")), ("cpu_weight", 10_001),
                            ("io_weight", 0), ("memory_swap_max", -1)):
            with self.subTest(name, value=value), \
                    self.assertRaisesRegex(ValueError, name):
                spawn_template.run_sync("true", limits={name: value})
        for name, value in (("memory_max", 1.5), ("pids_max", "9"), ("memory", 1)):
            with self.subTest(name, value=value), self.assertRaises(TypeError):
                spawn_template.run_sync("true", limits={name: value})

    def test_limits_and_kept_leftovers_do_not_fit(self):
        with self.assertRaisesRegex(ValueError, "keep_leftovers"):
            spawn_template.run_sync("true", limits={}, keep_leftovers=True)


if __name__ == "__main__":
    unittest.main()
