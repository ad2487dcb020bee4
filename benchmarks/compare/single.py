"""One sequence: `banyan bench` and `llama-bench`, their samples in one form."""

import json
import subprocess
from typing import Any

from workloads import SingleSequence


class BenchError(Exception):
    """A benchmark program failed; the message has the end of what it printed."""


def bench_arguments(load: SingleSequence) -> list[str]:
    """The same for both programs."""
    return ["-p", str(load.prompt), "-n", str(load.reply), "-d", ",".join(map(str, load.depths)),
            "-r", str(load.repetitions), "-o", "json"]


def run_bench(command: list[str]) -> list[dict[str, Any]]:
    """Each test as {kind, depth, samples}, the samples in tokens per second."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-15:])
        raise BenchError(f"{command[0]} ended with {done.returncode}:\n{tail}")
    read = _read_llama if command[0] == "llama-bench" else _read_banyan
    return [read(test) for test in json.loads(done.stdout)]


def _read_banyan(test: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "prefill" if test["prompt_tokens"] else "decode", "depth": test["depth"],
            "samples": test["samples_tokens_per_second"]}


def _read_llama(test: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "prefill" if test["n_prompt"] else "decode", "depth": test["n_depth"],
            "samples": test["samples_ts"]}
