#!/usr/bin/env python3
"""Agents at work, against any server that speaks llama-server's POST /completion.

    agents.py URL [--agents 8] [--trunk 2000] [--task 60] [--result 120] [--reply 16] [--steps 5] [--stranger 900]
              [--clients 8]

All agents begin with one trunk (a system prompt and tools), and each has its own task. An agent takes steps: a tool's
result is appended, and the model replies. After the step in the middle the last result is edited, and the agent goes
on from that; a sub-agent with a task of its own takes two steps on the trunk; and a stranger's prompt passes, which
shares nothing. At the end the agent has its last reply made again. A client works for one agent after the other. All
text is random tokens, replies are greedy and end only at their length. Prints the result as JSON.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from load import FIRST_ID, SEED, ask, last_text_id, wait_for_all

KINDS = ("step", "edit", "sub-agent", "stranger", "retry")


@dataclass(frozen=True)
class AgentReply:
    agent: int
    kind: str
    prompt: int  # its tokens
    known: int  # of them, those that earlier requests begin with too; the last token is due in any case
    first_token: float  # seconds from the request
    total: float
    evaluated: int  # tokens of the prompt, as the server's timings say
    cached: int


@dataclass(frozen=True)
class AgentsResult:
    wall: float
    replies: list[AgentReply]


def common_length(a: list[int], b: list[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


class SeenPaths:
    """What a server has been asked, and has written, so far."""

    def __init__(self) -> None:
        self._paths: list[list[int]] = []
        self._lock = threading.Lock()

    def add_prompt(self, prompt: list[int]) -> int:
        """How many of its tokens need not be evaluated. A prompt counts from when it is sent: who has the same
        beginning could wait for it."""
        with self._lock:
            known = max((common_length(prompt, path) for path in self._paths), default=0)
            self._paths.append(prompt)
        return min(known, len(prompt) - 1)

    def add_reply(self, prompt: list[int], reply: list[int]) -> None:
        """The last token of a reply was chosen, never evaluated."""
        with self._lock:
            self._paths.append(prompt + reply[:-1])


class Agent:
    def __init__(self, number: int, trunk: list[int], last_id: int, *, task: int, result: int, reply: int, steps: int,
                 stranger: int) -> None:
        choose = random.Random(SEED + 1000 * (number + 1))

        def text(length: int) -> list[int]:
            return [choose.randint(FIRST_ID, last_id) for _ in range(length)]

        self._number, self._trunk, self._reply = number, trunk, reply
        self._task, self._results, self._edited = text(task), [text(result) for _ in range(steps)], text(result)
        self._sub_task, self._sub_result = text(task), text(result)
        self._stranger = text(stranger)

    def work(self, turn: Callable[[str, list[int]], list[int]]) -> None:
        """`turn` is asked for each reply with what it is for and the prompt."""
        path = self._trunk + self._task
        for step, result in enumerate(self._results):
            prompt = path + result
            path = prompt + turn("step", prompt)
            if step == len(self._results) // 2:
                prompt = prompt[:-len(result)] + self._edited
                path = prompt + turn("edit", prompt)
                sub = self._trunk + self._sub_task
                turn("sub-agent", sub + turn("sub-agent", sub) + self._sub_result)
                turn("stranger", self._stranger)
        turn("retry", prompt)

    def work_on(self, url: str, seen: SeenPaths, hear: Callable[[AgentReply], None]) -> None:
        def turn(kind: str, prompt: list[int]) -> list[int]:
            known = seen.add_prompt(prompt)
            answer = ask(url, prompt, self._reply)
            seen.add_reply(prompt, answer.tokens)
            hear(AgentReply(self._number, kind, len(prompt), known, answer.first_token, answer.total, answer.evaluated,
                            answer.cached))
            return answer.tokens

        self.work(turn)


def replies_of(agents: int, steps: int) -> int:
    """How many there are in all."""
    return agents * (steps + 5)


def run_agents(url: str, *, agents: int, trunk: int, task: int, result: int, reply: int, steps: int, stranger: int,
               clients: int, on_reply: Callable[[], None] = lambda: None) -> AgentsResult:
    """Runs it; `on_reply` is called after each reply."""
    last_id = last_text_id(url)
    choose = random.Random(SEED)
    shared = [choose.randint(FIRST_ID, last_id) for _ in range(trunk)]
    all_agents = [Agent(number, shared, last_id, task=task, result=result, reply=reply, steps=steps, stranger=stranger)
                  for number in range(agents)]
    seen = SeenPaths()
    replies: list[AgentReply] = []

    def hear(one: AgentReply) -> None:
        replies.append(one)
        on_reply()

    start = time.monotonic()
    wait_for_all([lambda agent=agent: agent.work_on(url, seen, hear) for agent in all_agents], clients)
    return AgentsResult(time.monotonic() - start, replies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    defaults = {"agents": 8, "trunk": 2000, "task": 60, "result": 120, "reply": 16, "steps": 5, "stranger": 900,
                "clients": 8}
    for name, default in defaults.items():
        parser.add_argument("--" + name, type=int, default=default)
    args = vars(parser.parse_args())
    json.dump(asdict(run_agents(args.pop("url"), **args)), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
