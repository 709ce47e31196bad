# SPDX-License-Identifier: BSD-2-Clause
"""The session and the process group of a program."""
import asyncio
import os
import unittest

import spawn_template
import support

# Its own number, its group and its session.
TELL = "read -r a b c d group session e < /proc/$$/stat; echo $$ $group $session"


class Session(support.TestCase):

    # the ring of this thread, and the socket of its sentinel
    kept = ("anon_inode:", "/dev/null", "socket:")

    def told(self, **options):
        """Run the shell in each way, and return what all of them tell."""

        async def run():
            result = await spawn_template.run("sh", "-c", TELL, text=True, **options)
            return result.stdout

        told = []
        for out in (spawn_template.run_sync("sh", "-c", TELL, text=True,
                                            **options).stdout,
                    asyncio.run(run())):
            told.append([int(word) for word in out.split()])
        return told

    def test_a_program_has_a_session_of_its_own_by_default(self):
        for options in {}, {"session": "own"}, {"session": None}:
            for pid, group, session in self.told(**options):
                self.assertEqual((group, session), (pid, pid))

    def test_a_program_has_a_group_of_its_own_in_this_session(self):
        for pid, group, session in self.told(session="group"):
            self.assertEqual((group, session), (pid, os.getsid(0)))

    def test_a_program_stays_in_the_callers_group(self):
        for _, group, session in self.told(session="caller"):
            self.assertEqual((group, session), (os.getpgrp(), os.getsid(0)))

    def test_another_session_is_refused(self):
        with self.assertRaisesRegex(ValueError, "neither 'own'"):
            spawn_template.run_sync("true", session="mine")
        with self.assertRaises(OSError):
            spawn_template.run_sync("true", session="caller", pty=True)


if __name__ == "__main__":
    unittest.main()
