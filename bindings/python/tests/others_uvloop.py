# SPDX-License-Identifier: BSD-2-Clause
"""The engine in a loop of uvloop."""
import unittest

import uvloop   # noqa: F401

import support
import test_engine


class Uvloop(test_engine.TestCase):
    def test_runs_complete_and_are_cancelled(self):
        """This needs a process of its own: uvloop keeps a pipe for ever."""
        out = support.python(f"""
            import asyncio, spawn_template, uvloop
            sh = spawn_template.Template("sh")
            async def main():
                print(await sh.run(["sh", "-c", "echo uv; exit 3"]))
                try:
                    await asyncio.wait_for(sh.run({self.tree!r}), 0.5)
                except asyncio.TimeoutError:
                    print("ended")
            loop = uvloop.new_event_loop()
            loop.run_until_complete(main())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
            """)
        self.assertEqual(out, "<Result code=3 signal=-1 out=3 bytes "
                              "err=0 bytes>\nended\n")
        self.assertEnded(self.pids(2))


if __name__ == "__main__":
    unittest.main()
