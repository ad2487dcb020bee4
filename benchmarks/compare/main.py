#!/usr/bin/env python3
"""Runs Banyan and llama.cpp in turn on the same workloads and reports how they compare.

The results are in build/compare (with --quick in build/compare/quick): the raw ones as JSON, by which an interrupted
comparison goes on where it was, table.md and picture.svg. A round is measured again when Banyan or anything else
of its setup has changed.
"""

import argparse
import functools
import hashlib
import itertools
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from http.client import HTTPException
from pathlib import Path
from typing import Any

import report
from agents import run_agents
from busy import run_busy
from load import LoadError, run_load
from paths import BANYAN, FOLDER, ROOT, random_model
from results import OURS, Results, Run, programs
from servers import Server, ServerError
from single import BenchError, bench_arguments, run_bench
from workloads import (FULL, QUICK, AgentsLoad, BusyMachine, Load, SingleSequence, Workload, expected_round,
                       expected_seconds)

def output_of(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else ""


@functools.cache
def versions() -> dict[str, str]:
    return {"banyan": output_of("git", "describe", "--always", "--tags", "--dirty") or output_of(BANYAN, "--version"),
            "llama.cpp": output_of("llama-server", "--version").partition("\n")[0].removeprefix("version: ")}


def machine(threads: int, models: Iterable[Path]) -> dict[str, str]:
    cpu = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {"machine": f"{cpu[0] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; "
                       f"{threads} threads each",
            "models": "; ".join(f"{model.name}, {model.stat().st_size / 1e6:,.0f} MB" for model in models),
            "versions": ", ".join(f"{name} {version}" for name, version in versions().items())}


def command(program: str, work: Workload, model: Path, threads: int) -> list[str]:
    bench = isinstance(work.load, SingleSequence)
    common = ["-m", str(model), "--threads", str(threads), *(bench_arguments(work.load) if bench else [])]
    if program == OURS:
        return [str(BANYAN), "bench" if bench else "serve", *common]
    return ["llama-bench" if bench else "llama-server", *common, *work.flag_sets[program]]


def setup(program: str, work: Workload, model: Path, threads: int) -> dict[str, Any]:
    """All that a run's figures depend on, but the machine."""
    version = hashlib.sha256(BANYAN.read_bytes()).hexdigest() if program == OURS else versions()["llama.cpp"]
    flags = [word for word in command(program, work, model, threads) if word not in (str(BANYAN), str(model))]
    return {"version": version, "model": f"{model.name}, {model.stat().st_size} bytes", "flags": flags,
            "workload": repr(work.load)}


def measure(line: list[str], load: Load, log: Path) -> dict[str, Any]:
    if isinstance(load, SingleSequence):
        return {"tests": run_bench(line)}
    with Server(line, log) as server:
        if isinstance(load, BusyMachine):
            return {"samples": [asdict(speeds) for speeds in run_busy(server.url, **vars(load))]}
        run = run_agents if isinstance(load, AgentsLoad) else run_load
        result = asdict(run(server.url, **vars(load), on_reply=progress(load.replies)))
        return {**result, "peak_bytes": server.peak_memory()}


def progress(total: int) -> Callable[[], None]:
    """What shows on a terminal how many replies there are, each time it is called."""
    counter = itertools.count(1)

    def show() -> None:
        count = next(counter)
        if sys.stdout.isatty():
            print(f"\r  {count} of {total} replies ", end="\n" if count == total else "", flush=True)

    return show


def to_do(workloads: dict[str, Workload], runs: int, results: Results, keep_llama: bool) -> list[tuple[int, str, str]]:
    """(round, workload, program) of what is missing. Where Banyan's part of a round is stale, the others are too."""
    jobs = []
    for number in range(1, runs + 1):
        for name, work in workloads.items():
            missing = [program for program in programs(work) if not results.load(name, program, number)]
            if OURS in missing and not keep_llama:
                missing = programs(work)
            jobs += [(number, name, program) for program in missing]
    return jobs


def measure_all(jobs: list[tuple[int, str, str]], args: argparse.Namespace, workloads: dict[str, Workload],
                models: dict[str, Path], results: Results, setups: dict[tuple[str, str], dict[str, Any]],
                folder: Path) -> None:
    def expected(name: str, program: str) -> float:
        guess = expected_seconds(name, args.quick)[0 if program == OURS else 1]
        return statistics.median(results.elapsed(name, program) or [guess])

    for done, (number, name, program) in enumerate(jobs):
        left = sum(expected(other_name, other) for _, other_name, other in jobs[done:])
        who = program if program == OURS else f"llama.cpp, {program}"
        print(f"compare: {done + 1} of {len(jobs)}: {name}, {who}, round {number} "
              f"(about {left / 60:.0f} min left for all)", flush=True)
        work = workloads[name]
        if program == OURS and not args.keep_llama:
            for other in work.flag_sets:
                results.remove(name, other, number)
        date = datetime.now(timezone.utc).isoformat(timespec="seconds")
        start = time.monotonic()
        result = measure(command(program, work, models[name], args.threads), work.load,
                         folder / f"{name}-{program.replace(' ', '-')}.log")
        results.save(Run(name, program, number, setups[name, program], date, time.monotonic() - start, result))


def arguments() -> argparse.Namespace:
    hours = 3 * expected_round(quick=False) / 3600
    parser = argparse.ArgumentParser(
        prog="./dev compare", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"{__doc__}\nThree rounds of all take about {hours:.0f} hours on two cores, --quick about "
                    f"{expected_round(quick=True) / 60:.0f} minutes.")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="rounds of each workload (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round of small sizes, a trial of some minutes")
    parser.add_argument("--only", metavar="WORKLOAD,...", help=f"some of {', '.join(FULL)}")
    parser.add_argument("--model", type=Path,
                        help="a GGUF file for all workloads (default: each its own, random ones of half a billion "
                             "parameters)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), metavar="N",
                        help="of each program (default: one for each core)")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    parser.add_argument("--keep-llama", action="store_true",
                        help="when only Banyan has changed, keep llama.cpp's runs; then the two did not run in turn")
    parser.add_argument("--docs", action="store_true", help="put the results into docs/performance.md and .svg")
    args = parser.parse_args()
    args.only = args.only.split(",") if args.only else list(FULL)
    if unknown := set(args.only) - set(FULL):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    if args.model and not args.model.is_file():
        parser.error(f"no such file: {args.model}")
    if args.quick and args.docs:
        parser.error("--docs is for the full sizes")
    if args.quick:
        args.runs = 1
    return args


def main() -> int:
    args = arguments()
    workloads = QUICK if args.quick else FULL
    folder = FOLDER / "quick" if args.quick else FOLDER
    models = {name: (args.model or random_model(work.shape)).resolve() for name, work in workloads.items()}
    setups = {(name, program): setup(program, work, models[name], args.threads)
              for name, work in workloads.items() for program in programs(work)}
    results = Results(folder, setups)
    if args.fresh:
        for name in args.only:
            results.clear(name)
    jobs = to_do({name: workloads[name] for name in args.only}, args.runs, results, args.keep_llama)
    measure_all(jobs, args, workloads, models, results, setups, folder)

    from plot import draw  # needs matplotlib, which nothing else does

    about = machine(args.threads, dict.fromkeys(models.values()))
    if args.quick:
        about["sizes"] = "small ones, for a trial; the targets are for the full ones"
    text = report.markdown(workloads, results, about)
    (folder / "table.md").write_text(text)
    draw(folder / "picture.svg", workloads, results)
    print(text)
    print(f"compare: {folder}/table.md, picture.svg")
    if args.docs:
        picture = "![How many times better than llama.cpp, and times to first token](performance.svg)"
        report.insert(ROOT / "docs/performance.md", f"{picture}\n\n{text}")
        draw(ROOT / "docs/performance.svg", workloads, results)
        print("compare: docs/performance.md, docs/performance.svg")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ncompare: interrupted; the next call goes on from here", file=sys.stderr)
        sys.exit(130)
    except (ServerError, LoadError, BenchError, HTTPException, OSError, subprocess.CalledProcessError) as error:
        print(f"compare: {error}", file=sys.stderr)
        sys.exit(1)
