"""Runs aiosmtpd on loopback: run_smtp.py PORT

Each mail becomes a file N.eml in a folder of its own, with its recipient in the header X-RcptTo.
Whatever stands in the folder's answers.json ({"address": ["451 busy", ...]}) is answered to that
recipient, one after the other, before he is accepted. With port 0 the kernel chooses; the first
line of standard output is http://ADDRESS followed by the folder. It ends, and the folder goes, when
its standard input closes.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        script = self.folder / "answers.json"
        answers = json.loads(script.read_text()) if script.exists() else {}
        if answers.get(address):
            answer = answers[address].pop(0)
            script.write_text(json.dumps(answers))
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = b"X-RcptTo: " + ", ".join(envelope.rcpt_tos).encode() + b"\r\n"
        (self.folder / f"{self.count}.eml").write_bytes(head + envelope.content)
        return "250 taken"


async def main(port: int, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    handler = Handler(folder)
    server = await loop.create_server(lambda: SMTP(handler, hostname="localhost"), "127.0.0.1", port)
    host, bound = server.sockets[0].getsockname()[:2]
    print(f"http://{host}:{bound}{folder}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


with tempfile.TemporaryDirectory() as name:
    asyncio.run(main(int(sys.argv[1]), Path(name)))
