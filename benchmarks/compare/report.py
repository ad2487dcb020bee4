"""From raw results to a table of ratios, and that table into a document."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from results import Results, Run
from workloads import TARGETS, ServerLoad, Target, Workload

BEGIN, END = "<!-- ./dev compare writes from here -->", "<!-- ./dev compare writes to here -->"


@dataclass(frozen=True)
class Row:
    """One metric of one workload, a value for each round."""

    workload: str
    metric: str
    unit: str
    banyan: list[float]
    llama: list[float]
    higher_is_better: bool = False
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """How many times better Banyan was in each round."""
        if self.higher_is_better:
            return [ours / theirs for ours, theirs in zip(self.banyan, self.llama)]
        return [theirs / ours for ours, theirs in zip(self.banyan, self.llama)]

    @property
    def target(self) -> Target | None:
        return TARGETS.get((self.workload, self.metric))


def first_tokens(run: Run, turns: Iterable[int]) -> list[float]:
    return [reply["first_token"] for reply in run.result["replies"] if reply["turn"] in turns]


def beyond_new(run: Run) -> float:
    """Tokens evaluated that the server had seen before, for each request."""
    replies = run.result["replies"]
    return (sum(reply["evaluated"] for reply in replies) - run.result["new_tokens"]) / len(replies)


def server_rows(name: str, work: ServerLoad, rounds: list[tuple[Run, Run]]) -> list[Row]:
    def row(metric: str, unit: str, value: Callable[[Run], float]) -> Row:
        return Row(name, metric, unit, [value(banyan) for banyan, _ in rounds], [value(llama) for _, llama in rounds])

    later = range(1, work.turns)
    return [row("wall time", "s", lambda run: run.result["wall"]),
            row("peak memory", "GB", lambda run: run.result["peak_bytes"] / 1e9),
            row("time to first token after the first turn", "s", lambda run: median(first_tokens(run, later)))]


def single_rows(name: str, rounds: list[tuple[Run, Run]]) -> list[Row]:
    def speeds(runs: list[Run], test: dict[str, Any]) -> list[float]:
        same = ("kind", "depth", "variant")
        return [median(found["samples"]) for run in runs for found in run.result["tests"]
                if all(found[key] == test[key] for key in same)]

    ours, theirs = [list(runs) for runs in zip(*rounds)]
    rows = []
    for test in ours[0].result["tests"]:
        # Of llama-bench with flash attention and without, the one that is faster here.
        best = max(({**test, "variant": variant} for variant in ("on", "off")),
                   key=lambda variant: median(speeds(theirs, variant)))
        rows.append(Row(name, f"{test['kind']} at depth {test['depth']}", "tokens/s", speeds(ours, test),
                        speeds(theirs, best), higher_is_better=True,
                        note=f"flash attention {best['variant']}"))
    return rows


def all_rows(workloads: dict[str, Workload], results: Results) -> list[Row]:
    rows = []
    for name, work in workloads.items():
        rounds = results.rounds(name)
        if not rounds:
            continue
        rows += server_rows(name, work, rounds) if isinstance(work, ServerLoad) else single_rows(name, rounds)
    return rows


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values: list[float], unit: str = "") -> str:
    """The median, and the range when there are several."""
    text = f"{number(median(values))} {unit}".strip()
    return text if len(values) == 1 else f"{text} ({number(min(values))} to {number(max(values))})"


def table(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] * 2 + ["--:"] * (len(head) - 2)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))


def ratio_table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        ratio = f"**{spread(row.ratios)}**"
        target = (f"{row.target.at_least:g}", f"{row.target.aim:g}") if row.target else ("", "")
        llama = spread(row.llama, row.unit) + (f", {row.note}" if row.note else "")
        lines.append([row.workload, row.metric, spread(row.banyan, row.unit), llama, ratio, *target])
    return table(["workload", "", "Banyan", "llama.cpp", "times better", "at least", "aim"], lines)


def evaluated_table(workloads: dict[str, Workload], results: Results) -> str:
    lines = []
    for name, work in workloads.items():
        rounds = results.rounds(name)
        if rounds and isinstance(work, ServerLoad):
            ours, theirs = ([beyond_new(run) for run in runs] for runs in zip(*rounds))
            new = rounds[0][0].result["new_tokens"]
            lines.append([name, f"{new:,}", spread(ours), spread(theirs), "1", "0"])
    return table(["workload", "tokens new to the server", "Banyan, beyond them, a request", "llama-server", "at most",
                  "aim"], lines) if lines else ""


def turn_table(workloads: dict[str, Workload], results: Results) -> str:
    lines = []
    for name, work in workloads.items():
        rounds = results.rounds(name)
        if not rounds or not isinstance(work, ServerLoad):
            continue
        for turn in range(work.turns):
            line = [name, f"{turn + 1}"]
            for runs in zip(*rounds):
                times = [time for run in runs for time in first_tokens(run, [turn])]
                line += [f"{number(median(times))} s", f"{number(max(times))} s"]
            lines.append(line)
    return table(["workload", "turn", "Banyan, median", "longest", "llama-server, median", "longest"],
                 lines) if lines else ""


def describe(work: Workload) -> str:
    if isinstance(work, ServerLoad):
        clients = "one client" if work.clients == 1 else f"{work.clients} clients at once"
        flags = " ".join(work.llama_flags)
        return (f"{work.conversations} conversations on a trunk of {work.shared:,} tokens, {work.turns} turns of "
                f"{work.user} tokens and a reply of {work.reply}, {clients}; `llama-server {flags}`")
    return (f"`banyan bench` and `llama-bench` (the faster of flash attention on and off): a prompt of {work.prompt} "
            f"tokens, a reply of {work.reply}")


def dates(workloads: dict[str, Workload], results: Results) -> str:
    rounds = [pair for name in workloads for pair in results.rounds(name)]
    ours, theirs = [sorted(run.date[:10] for run in runs) for runs in zip(*rounds)]

    def span(days: list[str]) -> str:
        return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"

    if all(min(b.date, l.date) == b.date for b, l in rounds) and ours[0] == theirs[0]:
        return span(ours)
    return f"Banyan {span(ours)}, llama.cpp {span(theirs)}"


def markdown(workloads: dict[str, Workload], results: Results, machine: dict[str, str]) -> str:
    rows = all_rows(workloads, results)
    if not rows:
        return "No round is complete yet.\n"
    measured = {name: work for name, work in workloads.items() if results.rounds(name)}
    parts = [
        "\n".join(f"- {what}: {value}" for what, value in {**machine, "date": dates(measured, results)}.items()),
        "\n".join(f"- *{name}* ({len(results.rounds(name))}×): {describe(work)}" for name, work in measured.items()),
        "Medians of the rounds, and in brackets the least and the most; a ratio is of the two runs of a round.",
        ratio_table(rows),
        evaluated_table(measured, results),
        "Time to first token, all rounds together:" if turn_table(measured, results) else "",
        turn_table(measured, results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def insert(document: Path, text: str) -> None:
    """Replaces what is between the two markers."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} lacks the lines '{BEGIN}' and '{END}'")
    document.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
