"""What is compared, in which sizes, and what Banyan is meant to reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerLoad:
    """Conversations that share a trunk and take turns, asked by `clients` at once (load.py)."""

    conversations: int
    shared: int
    user: int
    reply: int
    turns: int
    clients: int
    llama_flags: tuple[str, ...]  # llama-server's; all else is its default

    def sizes(self) -> dict[str, int]:
        """The arguments of run_load()."""
        return {key: value for key, value in vars(self).items() if key != "llama_flags"}


@dataclass(frozen=True)
class SingleSequence:
    """Tokens per second of one sequence: a prompt read, a reply written, at each depth (single.py)."""

    prompt: int
    reply: int
    depths: tuple[int, ...]
    repetitions: int


Workload = ServerLoad | SingleSequence

FULL: dict[str, Workload] = {
    "eight-clients": ServerLoad(16, 4096, 64, 16, turns=2, clients=8, llama_flags=("-c", "65536", "-np", "8")),
    "one-client": ServerLoad(16, 4096, 64, 16, turns=3, clients=1, llama_flags=("-c", "65536")),
    "single-sequence": SingleSequence(512, 64, depths=(0, 4096), repetitions=3),
}

# The same in a few minutes, to see that all of it runs.
QUICK: dict[str, Workload] = {
    "eight-clients": ServerLoad(8, 512, 32, 8, turns=2, clients=8, llama_flags=("-c", "16384", "-np", "8")),
    "one-client": ServerLoad(4, 512, 32, 8, turns=3, clients=1, llama_flags=("-c", "16384")),
    "single-sequence": SingleSequence(128, 16, depths=(0, 512), repetitions=1),
}

# Seconds that a run takes on two cores, until there is one to go by: Banyan, llama.cpp.
EXPECTED_SECONDS = {"eight-clients": (90, 450), "one-client": (60, 230), "single-sequence": (90, 180)}
EXPECTED_SECONDS_QUICK = {"eight-clients": (15, 30), "one-client": (10, 20), "single-sequence": (15, 20)}


@dataclass(frozen=True)
class Target:
    at_least: float
    aim: float


# How many times better than llama.cpp's, by workload and metric (report.py), for the full sizes.
TARGETS: dict[tuple[str, str], Target] = {
    ("eight-clients", "wall time"): Target(8, 12),
    ("eight-clients", "peak memory"): Target(5, 8),
    ("one-client", "wall time"): Target(4, 6),
    ("one-client", "time to first token after the first turn"): Target(4, 6),
    ("single-sequence", "prefill at depth 0"): Target(1, 1.05),
    ("single-sequence", "decode at depth 0"): Target(1, 1.05),
    ("single-sequence", "prefill at depth 4096"): Target(2, 4),
    ("single-sequence", "decode at depth 4096"): Target(1.5, 2),
}
