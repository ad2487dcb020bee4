"""What is compared, on which model, in which sizes, with which flags, and what Banyan is meant to reach."""

from dataclasses import dataclass

from agents import replies_of
from paths import SHAPES


@dataclass(frozen=True)
class ServerLoad:
    """Conversations that share a trunk and take turns, asked by `clients` at once (load.py)."""

    conversations: int
    shared: int
    user: int
    reply: int
    turns: int
    clients: int

    @property
    def replies(self) -> int:
        return self.conversations * self.turns


@dataclass(frozen=True)
class AgentsLoad:
    """Agents with tools on one trunk, for which `clients` work at once (agents.py)."""

    agents: int
    trunk: int
    task: int
    result: int
    reply: int
    steps: int
    stranger: int
    clients: int

    @property
    def replies(self) -> int:
        return replies_of(self.agents, self.steps)


@dataclass(frozen=True)
class BusyMachine:
    """One reply after the other to new prompts, beside a program that computes for each core (busy.py)."""

    prompt: int
    reply: int
    runs: int


@dataclass(frozen=True)
class SingleSequence:
    """Tokens per second of one sequence: a prompt read, a reply written, at each depth (single.py)."""

    prompt: int
    reply: int
    depths: tuple[int, ...]
    repetitions: int


Load = ServerLoad | AgentsLoad | BusyMachine | SingleSequence


@dataclass(frozen=True)
class Workload:
    shape: str  # of the random model
    load: Load
    flag_sets: dict[str, tuple[str, ...]]  # llama.cpp runs with each, by name; the best of them counts


def server_flags(context: int, slots: int | None = None) -> dict[str, tuple[str, ...]]:
    """llama-server's flags. "defaults" has all tokens in its context, and a slot for each of many clients; "tuned" has
    all slots in one buffer, more memory for its cache, and more checkpoints, which windows and recurrent layers resume
    at; with "one slot" clients wait for each other, but what they share is evaluated once."""
    cache = ("--cache-ram", "12288", "--ctx-checkpoints", "128", "--checkpoint-min-step", "64")
    defaults = ("-c", str(context), *(("-np", str(slots)) if slots else ()))
    sets = {"defaults": defaults, "tuned": (*defaults, "-kvu", *cache)}
    if slots:
        sets["one slot"] = ("-c", str(context), "-np", "1", *cache)
    return sets


BENCH_FLAGS = {"flash attention on": ("-fa", "on"), "flash attention off": ("-fa", "off")}
# A thread that waits for another holds it up where programs compete for cores, so fewer may be faster.
BUSY_FLAGS = {"defaults": ("-np", "1"), "one thread": ("-np", "1", "--threads", "1")}


def on_each_shape(name: str, load: Load, flag_sets: dict[str, tuple[str, ...]]) -> dict[str, Workload]:
    """The full shape's has the plain name."""
    return {name if shape == "full" else f"{name}-{shape}": Workload(shape, load, flag_sets)
            for shape in SHAPES}


FULL: dict[str, Workload] = {
    "eight-clients": Workload("full", ServerLoad(16, 4096, 64, 16, turns=2, clients=8), server_flags(65536, 8)),
    "one-client": Workload("full", ServerLoad(16, 4096, 64, 16, turns=3, clients=1), server_flags(65536)),
    **on_each_shape("agents-eight-clients",
                    AgentsLoad(agents=8, trunk=1200, task=40, result=80, reply=16, steps=3, stranger=400, clients=8),
                    server_flags(32768, 8)),
    **on_each_shape("agents-one-client",
                    AgentsLoad(agents=4, trunk=2000, task=60, result=120, reply=16, steps=5, stranger=900, clients=1),
                    server_flags(32768)),
    "busy": Workload("full", BusyMachine(prompt=256, reply=48, runs=3), BUSY_FLAGS),
    **on_each_shape("single-sequence", SingleSequence(512, 64, depths=(0, 4096), repetitions=3), BENCH_FLAGS),
}

# The same in a few minutes, to see that all of it runs.
QUICK: dict[str, Workload] = {
    "eight-clients": Workload("full", ServerLoad(8, 256, 16, 4, turns=2, clients=8), server_flags(8192, 8)),
    "one-client": Workload("full", ServerLoad(3, 256, 16, 4, turns=3, clients=1), server_flags(8192)),
    **on_each_shape("agents-eight-clients",
                    AgentsLoad(agents=8, trunk=200, task=10, result=16, reply=3, steps=2, stranger=30, clients=8),
                    server_flags(8192, 8)),
    **on_each_shape("agents-one-client",
                    AgentsLoad(agents=2, trunk=200, task=10, result=16, reply=3, steps=3, stranger=30, clients=1),
                    server_flags(8192)),
    "busy": Workload("full", BusyMachine(prompt=32, reply=8, runs=1), BUSY_FLAGS),
    **on_each_shape("single-sequence", SingleSequence(64, 8, depths=(0, 256), repetitions=1), BENCH_FLAGS),
}

# Seconds that a run takes on two cores, until there is one to go by: Banyan, and llama.cpp with each of its flag sets.
EXPECTED_SECONDS = {"eight-clients": (90, 650), "one-client": (110, 480), "agents-eight-clients": (80, 180),
                    "agents-one-client": (90, 180), "busy": (60, 180), "single-sequence": (90, 100)}
EXPECTED_SECONDS_QUICK = {"eight-clients": (8, 12), "one-client": (6, 8), "agents-eight-clients": (12, 20),
                          "agents-one-client": (8, 10), "busy": (5, 10), "single-sequence": (8, 6)}


def expected_seconds(name: str, quick: bool) -> tuple[int, int]:
    base = name.removesuffix("-hybrid").removesuffix("-window")
    return (EXPECTED_SECONDS_QUICK if quick else EXPECTED_SECONDS)[base]


def expected_round(quick: bool) -> float:
    """Seconds of all workloads, with each flag set."""
    workloads = QUICK if quick else FULL
    return sum(banyan + llama * len(workloads[name].flag_sets)
               for name in workloads for banyan, llama in [expected_seconds(name, quick)])


@dataclass(frozen=True)
class Target:
    at_least: float
    aim: float | None = None


# How many times better than llama.cpp's, by workload and metric (report.py), for the full sizes.
TARGETS: dict[tuple[str, str], Target] = {
    ("eight-clients", "wall time"): Target(8, 12),
    ("eight-clients", "peak memory"): Target(5, 8),
    ("one-client", "wall time"): Target(4, 6),
    ("one-client", "time to first token after the first turn"): Target(4, 6),
    ("busy", "decode"): Target(4),
    ("single-sequence", "prefill at depth 0"): Target(1, 1.05),
    ("single-sequence", "decode at depth 0"): Target(1, 1.05),
    ("single-sequence", "prefill at depth 4096"): Target(2, 4),
    ("single-sequence", "decode at depth 4096"): Target(1.5, 2),
}
