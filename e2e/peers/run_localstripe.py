"""Runs localstripe on loopback with its store in memory only: run_localstripe.py PORT

Its own command binds every interface and rewrites a file on each insert. With port 0 the kernel
chooses; the address is printed on the first line of standard output. It ends when its standard
input closes, so it cannot outlive the test that started it.
"""

import asyncio
import sys

from aiohttp import web
from localstripe import resources

resources.Store.dump_to_disk = lambda self: None

from localstripe.server import app  # noqa: E402  (after the store was tamed)


async def main(port: int) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host="127.0.0.1", port=port)
    await site.start()
    host, bound = runner.addresses[0][:2]
    print(f"http://{host}:{bound}", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


asyncio.run(main(int(sys.argv[1])))
