"""The raw results: a JSON file for each run, by which an interrupted comparison goes on where it was."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = ("banyan", "llama.cpp")


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


class Results:
    """What is in a folder. `setups` has what each workload and program would be run with now."""

    def __init__(self, folder: Path, setups: dict[tuple[str, str], dict[str, Any]]) -> None:
        self._folder = folder
        self._setups = setups
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, run: Run) -> None:
        path = self._path(run.workload, run.program, run.round)
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
        for path in self._folder.glob(f"{workload}-*-*.json"):
            path.unlink()

    def rounds(self, workload: str) -> list[tuple[Run, Run]]:
        """Banyan's and llama.cpp's runs, of the rounds that have both."""
        pairs = []
        numbers = {int(path.name.removeprefix(f"{workload}-").partition("-")[0])
                   for path in self._folder.glob(f"{workload}-*-*.json")}
        for number in sorted(numbers):
            banyan, llama = (self.load(workload, program, number) for program in PROGRAMS)
            if banyan and llama:
                pairs.append((banyan, llama))
        return pairs

    def elapsed(self, workload: str, program: str) -> list[float]:
        """Seconds that runs took, with whatever setup."""
        runs = [json.loads(path.read_text()) for path in self._folder.glob(f"{workload}-*-{program}.json")]
        return [run["elapsed"] for run in runs]

    def _path(self, workload: str, program: str, number: int) -> Path:
        return self._folder / f"{workload}-{number}-{program}.json"
