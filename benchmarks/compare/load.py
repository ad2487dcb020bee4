#!/usr/bin/env python3
"""Many conversations on one shared prompt, against any server that speaks llama-server's POST /completion.

    load.py URL [--conversations 16] [--shared 4096] [--user 64] [--reply 16] [--turns 2] [--clients 8]

Each turn appends USER random tokens to every conversation, asks for REPLY tokens (greedy, no early stop) and
keeps what came back. A turn begins when all replies of the one before are there. Prints the result as JSON.
"""

import argparse
import json
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

SEED = 7
FIRST_ID = 300  # below are a vocabulary's bytes and controls, mostly
REPLY_SECONDS = 1800  # without a token


class LoadError(Exception):
    """A server answered with an error, or not as it should."""


@dataclass(frozen=True)
class Reply:
    conversation: int
    turn: int
    first_token: float  # seconds from the request
    total: float
    evaluated: int  # tokens of the prompt, as the server's timings say
    cached: int


@dataclass(frozen=True)
class LoadResult:
    wall: float
    new_tokens: int  # of the prompts, that the server had never seen
    replies: list[Reply]


def vocabulary_size(url: str) -> int:
    with urllib.request.urlopen(url + "/v1/models", timeout=30) as answer:
        return json.load(answer)["data"][0]["meta"]["n_vocab"]


def last_text_id(url: str) -> int:
    return vocabulary_size(url) - 100  # the last ones are controls, mostly


def completion_events(url: str, body: dict[str, Any], seconds: float = REPLY_SECONDS) -> Iterator[dict[str, Any]]:
    """What a server streams in answer to POST /completion; `seconds` is the longest that it may be silent."""
    request = urllib.request.Request(url + "/completion", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=seconds) as lines:
        for line in lines:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])


@dataclass(frozen=True)
class Answer:
    tokens: list[int]
    with_first: int  # tokens that came with the first
    first_token: float  # seconds from the request
    total: float
    evaluated: int  # tokens of the prompt, as the server's timings say
    cached: int


def ask(url: str, prompt: list[int], length: int, cache_prompt: bool = True) -> Answer:
    """A reply of `length` tokens, greedy."""
    body = {"prompt": prompt, "n_predict": length, "cache_prompt": cache_prompt, "stream": True, "temperature": 0,
            "ignore_eos": True, "return_tokens": True}
    tokens: list[int] = []
    first_token, with_first, timings = None, 0, None
    start = time.monotonic()
    try:
        for event in completion_events(url, body):
            if "error" in event:
                raise LoadError(f"the server says: {event['error']}")
            tokens += event.get("tokens", [])
            timings = event.get("timings", timings)
            if tokens and first_token is None:
                first_token, with_first = time.monotonic() - start, len(tokens)
    except urllib.error.HTTPError as error:
        raise LoadError(f"HTTP {error.code}: {error.read(500).decode(errors='replace')}") from error
    total = time.monotonic() - start
    # llama-server keeps the last tokens to itself where they do not end a character.
    if timings is None or first_token is None or timings["predicted_n"] != length:
        raise LoadError(f"no reply of {length} tokens, and timings {timings}")
    return Answer(tokens, with_first, first_token, total, timings["prompt_n"], timings["cache_n"])


def wait_for_all(work: list[Callable[[], None]], clients: int) -> None:
    """Does it, so much at once as there are clients; the first error ends it."""
    pool = ThreadPoolExecutor(clients)
    try:
        for done in as_completed([pool.submit(part) for part in work]):
            done.result()
    finally:
        # Not waiting: who requests wait for may be about to be stopped.
        pool.shutdown(wait=False, cancel_futures=True)


class Conversation:
    def __init__(self, number: int, trunk: list[int], last_id: int) -> None:
        self.number = number
        self.tokens = list(trunk)
        self._last_id = last_id

    def say(self, turn: int, user: int) -> None:
        """Appends random tokens, of which the first is no other conversation's in this turn."""
        choose = random.Random(SEED + 1000 * self.number + turn)
        self.tokens += [FIRST_ID + self.number] + [choose.randint(FIRST_ID, self._last_id) for _ in range(user - 1)]

    def hear(self, url: str, turn: int, length: int) -> Reply:
        answer = ask(url, self.tokens, length)
        self.tokens += answer.tokens
        return Reply(self.number, turn, answer.first_token, answer.total, answer.evaluated, answer.cached)


def run_load(url: str, *, conversations: int, shared: int, user: int, reply: int, turns: int, clients: int,
             on_reply: Callable[[], None] = lambda: None) -> LoadResult:
    """Runs it; `on_reply` is called after each reply."""
    last_id = last_text_id(url)
    choose = random.Random(SEED)
    trunk = [choose.randint(FIRST_ID, last_id) for _ in range(shared)]
    talks = [Conversation(i, trunk, last_id) for i in range(conversations)]
    replies: list[Reply] = []

    def hear(talk: Conversation, turn: int) -> None:
        replies.append(talk.hear(url, turn, reply))
        on_reply()

    start = time.monotonic()
    for turn in range(turns):
        for talk in talks:
            talk.say(turn, user)
        wait_for_all([partial(hear, talk, turn) for talk in talks], clients)
    wall = time.monotonic() - start
    return LoadResult(wall, shared + conversations * user * turns, replies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    defaults = {"conversations": 16, "shared": 4096, "user": 64, "reply": 16, "turns": 2, "clients": 8}
    for name, default in defaults.items():
        parser.add_argument("--" + name, type=int, default=default)
    args = vars(parser.parse_args())
    json.dump(asdict(run_load(args.pop("url"), **args)), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
