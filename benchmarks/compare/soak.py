#!/usr/bin/env python3
"""A random load on a server with little memory and a disk cache, whose memory is watched from outside.

    soak.py [--seconds 60] [--memory 48] [--clients 6] [--model FILE] [--banyan PROGRAM]

Clients hold conversations on a few trunks, fork them, hang up in the middle, and come back to what memory has long
evicted. Prints what was done and the most that the process ever had resident; fails when that is more than it had
before the load, the budget, and 48 MiB for threads, connections and what allocators keep; when the server ends; or
when the disk cache is damaged.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
from pathlib import Path

from load import completion_events
from paths import BANYAN, ROOT
from servers import Server

MIB = 2**20
ALLOWANCE = 48 * MIB


class Client(threading.Thread):
    """One after the other, requests on conversations that it makes up or goes on with."""

    def __init__(self, url: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.whole = self.hung_up = self.refused = self.cached = self.prompts = 0
        self.error = ""
        self._url = url
        self._choose = random.Random(number)
        self._stop_load = stop
        self._talks: list[list[int]] = []

    def run(self) -> None:
        try:
            while not self._stop_load.is_set():
                self._request()
        except (OSError, ValueError) as error:
            if not self._stop_load.is_set():
                self.error = f"{type(error).__name__}: {error}"

    def _prompt(self) -> list[int]:
        choose = self._choose
        if self._talks and choose.random() < 0.7:
            talk = choose.choice(self._talks)
            talk = talk[:choose.randint(1, len(talk))] if choose.random() < 0.3 else list(talk)
        else:
            trunk = random.Random(choose.randint(0, 3))
            talk = [trunk.randint(300, 2000) for _ in range(trunk.randint(100, 700))]
        talk += [choose.randint(300, 2000) for _ in range(choose.randint(1, 60))]
        return talk[:1500]

    def _request(self) -> None:
        prompt = self._prompt()
        body = {"prompt": prompt, "n_predict": self._choose.randint(1, 24), "stream": True, "ignore_eos": True,
                "temperature": 0, "return_tokens": True}
        hang_up_after = self._choose.randint(0, 10) if self._choose.random() < 0.2 else -1
        reply: list[int] = []
        try:
            for event in completion_events(self._url, body, 120):
                if hang_up_after == len(reply):
                    self.hung_up += 1
                    return
                if "error" in event:
                    self.refused += 1
                    return
                reply += event.get("tokens", [])
                if "timings" in event:
                    self.cached += event["timings"]["cache_n"]
        except urllib.error.HTTPError:
            self.refused += 1
            return
        self.whole += 1
        self.prompts += len(prompt)
        self._talks = [*self._talks[-20:], prompt + reply]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--memory", type=int, default=48, help="MiB of the budget")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--model", type=Path, default=ROOT / "models/tally-qwen3-q8_0.gguf")
    parser.add_argument("--banyan", type=Path, default=BANYAN)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "cache"
        serve = [str(args.banyan), "serve", "-m", str(args.model), "--memory", f"{args.memory}MiB",
                 "--disk-cache", str(folder), "--disk-budget", f"{4 * args.memory}MiB"]
        with Server(serve, Path(temporary) / "log") as server:
            stop = threading.Event()
            warm = Client(server.url, -1, stop)
            warm._request()
            before = server.resident_memory()
            clients = [Client(server.url, number, stop) for number in range(args.clients)]
            for client in clients:
                client.start()
            end = time.monotonic() + args.seconds
            while time.monotonic() < end and server.process.poll() is None:
                time.sleep(0.1)
            stop.set()
            for client in clients:
                client.join(120)
            alive = server.process.poll() is None
            most = server.peak_memory() if alive else 0
        checked = subprocess.run([args.banyan, "cache", "verify", "--disk-cache", folder], capture_output=True,
                                 text=True)
    errors = [client.error for client in clients if client.error]
    prompts = sum(client.prompts for client in clients)
    print(f"{sum(c.whole for c in clients):,} replies, {sum(c.hung_up for c in clients):,} hung up, "
          f"{sum(c.refused for c in clients):,} refused; {sum(c.cached for c in clients):,} of {prompts:,} prompt tokens "
          "from the cache")
    print(f"resident before the load {before / MIB:.0f} MiB, budget {args.memory} MiB, at most {most / MIB:.0f} MiB")
    print(f"disk cache: {checked.stdout.strip()}")
    if errors or not alive or checked.returncode != 0 or most > before + args.memory * MIB + ALLOWANCE:
        print("FAILED", *errors, checked.stderr, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
