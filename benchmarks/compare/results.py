"""The raw results: a JSON file for each run, by which an interrupted comparison goes on where it was."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads import Workload

OURS = "banyan"


def programs(work: Workload) -> list[str]:
    """Banyan, and llama.cpp's flag sets: each is a program of its own here."""
    return [OURS, *work.flag_sets]


@dataclass(frozen=True)
class Run:
    """One program on one workload in one round. It counts as long as nothing in its setup has changed."""

    workload: str
    program: str
    round: int
    setup: dict[str, Any]
    date: str
    elapsed: float  # seconds, with starting and stopping
    result: dict[str, Any]


Round = dict[str, Run]  # by program


class Results:
    """What is in a folder. `setups` has what each workload and program would be run with now."""

    def __init__(self, folder: Path, setups: dict[tuple[str, str], dict[str, Any]]) -> None:
        self._folder = folder
        self._setups = setups
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, run: Run) -> None:
        path = self._path(run.workload, run.program, run.round)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(vars(run), indent=1) + "\n")
        partial.rename(path)

    def load(self, workload: str, program: str, number: int) -> Run | None:
        """None when there is none, or it was made with another setup."""
        try:
            run = Run(**json.loads(self._path(workload, program, number).read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None
        return run if run.setup == self._setups[workload, program] else None

    def remove(self, workload: str, program: str, number: int) -> None:
        self._path(workload, program, number).unlink(missing_ok=True)

    def clear(self, workload: str) -> None:
        shutil.rmtree(self._folder / workload, ignore_errors=True)

    def rounds(self, workload: str) -> list[Round]:
        """Those in which all programs ran."""
        wanted = [program for name, program in self._setups if name == workload]
        numbers = {int(path.name.partition("-")[0]) for path in (self._folder / workload).glob("*-*.json")}
        complete = []
        for number in sorted(numbers):
            runs = {program: self.load(workload, program, number) for program in wanted}
            if all(runs.values()):
                complete.append({program: run for program, run in runs.items() if run})
        return complete

    def elapsed(self, workload: str, program: str) -> list[float]:
        """Seconds that runs took, with whatever setup."""
        paths = (self._folder / workload).glob(f"*-{_file_name(program)}.json")
        return [json.loads(path.read_text())["elapsed"] for path in paths]

    def _path(self, workload: str, program: str, number: int) -> Path:
        return self._folder / workload / f"{number}-{_file_name(program)}.json"


def _file_name(program: str) -> str:
    return program.replace(" ", "-")
