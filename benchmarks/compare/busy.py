#!/usr/bin/env python3
"""How fast Banyan and llama-server read and write beside other programs that compute.

Both servers run, one of them is asked at a time, beside 0, 1 and 2 (--busy) endless loops. Each run asks for one reply to
a new prompt; the time to its first token gives the speed of reading, the rest that of writing. A run before the counted
ones lets a server get used to the load. Prints the medians as a table.
"""

import argparse
import contextlib
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from load import FIRST_ID, LoadError, ask, last_text_id
from paths import BANYAN, FOLDER, random_model
from servers import Server, ServerError

PROGRAMS = ("Banyan", "llama-server")


@contextlib.contextmanager
def busy_programs(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@dataclass(frozen=True)
class Speeds:
    """Tokens per second."""

    prefill: float
    decode: float


def measure(url: str, choose: random.Random, prompt: int, reply: int) -> Speeds:
    last_id = last_text_id(url)
    tokens = [choose.randint(FIRST_ID, last_id) for _ in range(prompt)]
    answer = ask(url, tokens, reply, cache_prompt=False)
    return Speeds(prompt / answer.first_token, (reply - answer.with_first) / (answer.total - answer.first_token))


def run_busy(url: str, *, prompt: int, reply: int, runs: int) -> list[Speeds]:
    """Of one server, beside a program for each core."""
    choose = random.Random(1)
    with busy_programs(len(os.sched_getaffinity(0))):
        return [measure(url, choose, prompt, reply) for _ in range(runs + 1)][1:]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev benchmark busy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file (default: a random one of half a billion parameters)")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="programs beside (0 1 2)")
    parser.add_argument("--prompt", type=int, default=256, metavar="N", help="tokens of a prompt (256)")
    parser.add_argument("--reply", type=int, default=48, metavar="N", help="tokens of a reply (48)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="counted runs (3)")
    parser.add_argument("--banyan", type=Path, default=BANYAN, help="the program to measure")
    parser.add_argument("--only", choices=PROGRAMS, help="one of the two servers alone")
    args = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    args.model = args.model or random_model()
    commands = {"Banyan": [str(args.banyan), "serve", "-m", str(args.model)],
                "llama-server": ["llama-server", "-m", str(args.model), "--parallel", "1"]}
    programs = [args.only] if args.only else list(PROGRAMS)
    choose = random.Random(1)
    print("| busy programs | | " + " | ".join(programs) + " | times |\n| --: | --- |" + " --: |" * (len(programs) + 1))
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(Server(commands[name], FOLDER / f"busy-{name}.log")).url
                for name in programs}
        for busy in args.busy:
            speeds: dict[str, list[Speeds]] = {name: [] for name in programs}
            with busy_programs(busy):
                for run in range(args.runs + 1):
                    for name in programs:
                        speed = measure(urls[name], choose, args.prompt, args.reply)
                        if run > 0:
                            speeds[name].append(speed)
            for which, what in (("prefill", "reading"), ("decode", "writing")):
                medians = [statistics.median(getattr(speed, which) for speed in speeds[name]) for name in programs]
                times = f"{medians[0] / medians[1]:.1f}" if len(medians) == 2 else ""
                print(f"| {busy} | {what}, tokens/s | " + " | ".join(f"{m:.1f}" for m in medians) + f" | {times} |",
                      flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError, LoadError, ServerError) as error:
        print(f"busy: {error}", file=sys.stderr)
        sys.exit(1)
