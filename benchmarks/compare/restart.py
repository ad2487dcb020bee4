#!/usr/bin/env python3
"""What a disk cache saves when Banyan is restarted, and what it costs replies that run meanwhile.

Makes conversations on one trunk, stops the server, has the system forget what it read of the files, starts
it again and goes on with each conversation; and the first of them once more on a server that has no cache. Then a
conversation comes back from the disk while a reply runs. Prints a table.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from load import Conversation, LoadError, completion_events, vocabulary_size
from paths import BANYAN, FOLDER, random_model
from servers import Server, ServerError

TURN = 64


def forget_files(folder: Path) -> None:
    """Has the system read the files from the disk again."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def say_all(url: str, conversations: list[Conversation], turn: int, reply: int) -> list[Any]:
    replies = []
    for conversation in conversations:
        conversation.say(turn, TURN)
        replies.append(conversation.hear(url, turn, reply))
    return replies


class RunningReply(threading.Thread):
    """A long reply, and when each of its tokens came."""

    def __init__(self, url: str, prompt: list[int], length: int) -> None:
        super().__init__()
        self.times: list[float] = []
        self._url = url
        self._body = {"prompt": prompt, "n_predict": length, "stream": True, "temperature": 0, "ignore_eos": True,
                      "return_tokens": True}

    def run(self) -> None:
        for event in completion_events(self._url, self._body):
            self.times += [time.monotonic()] * len(event.get("tokens", []))

    def rate(self, begin: float, end: float) -> float:
        inside = [moment for moment in self.times if begin <= moment <= end]
        return (len(inside) - 1) / (inside[-1] - inside[0]) if len(inside) > 2 else float("nan")


def measure_restart(args: argparse.Namespace, serve: list[str], folder: Path, log: Path) -> dict[str, str]:
    cached = [*serve, "--disk-cache", str(folder)]
    with Server(cached, log) as server:
        last_id = vocabulary_size(server.url) - 1
        trunk = Conversation(0, [], last_id)
        trunk.say(0, args.shared)
        conversations = [Conversation(number, trunk.tokens, last_id) for number in range(args.conversations)]
        first = say_all(server.url, conversations, 1, args.reply)
        stopped = time.monotonic()
    stop_seconds = time.monotonic() - stopped
    stored = folder_bytes(folder)
    tokens = sum(len(conversation.tokens) for conversation in conversations)
    forget_files(folder)
    started = time.monotonic()
    with Server(cached, log) as server:
        ready_seconds = time.monotonic() - started
        again = say_all(server.url, conversations, 2, args.reply)
    started = time.monotonic()
    with Server(serve, log) as server:
        plain_seconds = time.monotonic() - started
        cold = Conversation(0, conversations[0].tokens[:-args.reply], last_id).hear(server.url, 2, args.reply)
    prompts = tokens + TURN * len(conversations)
    restored = sum(reply.cached for reply in again)
    return {
        "cold trunk, time to first token": f"{first[0].first_token:.2f} s",
        "stored": f"{stored / 1e6:,.0f} MB",
        "stop, with all stored": f"{stop_seconds:.2f} s",
        "start until ready; without a cache": f"{ready_seconds:.2f} s; {plain_seconds:.2f} s",
        "restored of the tokens of before": f"{100 * restored / (tokens - len(conversations)):.2f} %"
                                            f" ({restored:,} of {tokens:,}; {prompts - restored:,} evaluated)",
        "first conversation back, time to first token": f"{again[0].first_token:.2f} s",
        "the same, cold": f"{cold.first_token:.2f} s",
        "times faster": f"{cold.first_token / again[0].first_token:.1f}",
        "others back, median time to first token": f"{statistics.median(r.first_token for r in again[1:]):.2f} s",
    }


def measure_beside(args: argparse.Namespace, serve: list[str], folder: Path, log: Path) -> dict[str, str]:
    """A conversation comes back while another's reply runs."""
    cached = [*serve, "--disk-cache", str(folder)]
    rates, alone_rates, seconds = [], [], []
    for attempt in range(args.runs):
        with Server(cached, log) as server:
            last_id = vocabulary_size(server.url) - 1
            trunk = Conversation(0, [], last_id)
            trunk.say(0, args.shared)
            other = Conversation(99, [], last_id)
            other.say(attempt, 256)
            running = RunningReply(server.url, other.tokens, 4000)
            running.start()
            while len(running.times) < 60:
                time.sleep(0.05)
            begin = time.monotonic()
            back = Conversation(0, trunk.tokens, last_id)
            back.tokens.append(300)
            reply = back.hear(server.url, 3, 1)
            end = begin + reply.first_token
            running.join()
            rates.append(running.rate(begin, end))
            # A reply slows down as it grows, so before and after.
            alone_rates.append(statistics.mean([running.rate(running.times[10], begin),
                                                running.rate(end, running.times[-1])]))
            seconds.append(reply.first_token)
        forget_files(folder)
    share = [100 * rate / alone for rate, alone in zip(rates, alone_rates)]
    return {
        "a reply alone": f"{statistics.median(alone_rates):.1f} tokens/s",
        "while another conversation comes back": f"{statistics.median(rates):.1f} tokens/s",
        "of its speed": f"{statistics.median(share):.0f} % ({', '.join(f'{s:.0f}' for s in share)})",
        "the other's time to first token": f"{statistics.median(seconds):.2f} s",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev benchmark disk", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file (default: a random one of half a billion parameters)")
    parser.add_argument("--conversations", type=int, default=16, metavar="N")
    parser.add_argument("--shared", type=int, default=4096, metavar="N", help="tokens of the trunk")
    parser.add_argument("--reply", type=int, default=16, metavar="N", help="tokens of a reply")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of what runs beside a reply")
    parser.add_argument("--folder", type=Path, help="where the disk cache is made (default: below build/compare)")
    args = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    args.model = args.model or random_model()
    serve = [str(BANYAN), "serve", "-m", str(args.model)]
    with tempfile.TemporaryDirectory(dir=args.folder or FOLDER) as temporary:
        folder = Path(temporary) / "cache"
        log = FOLDER / "restart.log"
        rows = measure_restart(args, serve, folder, log) | measure_beside(args, serve, folder, log)
    print("| | |\n| --- | --: |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError, LoadError, ServerError) as error:
        print(f"restart: {error}", file=sys.stderr)
        sys.exit(1)
