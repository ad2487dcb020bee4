"""From raw results to a table of ratios, and that table into a document."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from agents import KINDS
from results import OURS, Results, Round, Run
from workloads import TARGETS, AgentsLoad, BusyMachine, Load, ServerLoad, SingleSequence, Target, Workload

BEGIN, END = "<!-- ./dev compare writes from here -->", "<!-- ./dev compare writes to here -->"


@dataclass(frozen=True)
class Row:
    """One metric of one workload, a value for each round."""

    workload: str
    metric: str
    unit: str
    banyan: list[float]
    llama: list[float]
    higher_is_better: bool
    flag_set: str  # llama.cpp's that counts

    @property
    def ratios(self) -> list[float]:
        """How many times better Banyan was in each round."""
        if self.higher_is_better:
            return [ours / theirs for ours, theirs in zip(self.banyan, self.llama)]
        return [theirs / ours for ours, theirs in zip(self.banyan, self.llama)]

    @property
    def target(self) -> Target | None:
        return TARGETS.get((self.workload, self.metric))


def best_row(workload: str, metric: str, unit: str, rounds: list[Round], value: Callable[[Run], float],
             higher_is_better: bool = False) -> Row:
    """Of llama.cpp's flag sets the one with the best median counts, for this metric."""
    values = {program: [value(runs[program]) for runs in rounds] for program in rounds[0]}
    ours = values.pop(OURS)
    best = (max if higher_is_better else min)(values, key=lambda program: median(values[program]))
    return Row(workload, metric, unit, ours, values[best], higher_is_better, best)


def first_tokens(run: Run, group: str | int | None = None) -> list[float]:
    """Of all replies, or of those of a turn or a kind."""
    return [reply["first_token"] for reply in run.result["replies"]
            if group in (None, reply.get("turn", reply.get("kind")))]


def evaluated(run: Run) -> int:
    return sum(reply["evaluated"] for reply in run.result["replies"])


def beyond_new(run: Run) -> float:
    """Tokens evaluated that the server had seen before, for each request."""
    return (evaluated(run) - run.result["new_tokens"]) / len(run.result["replies"])


def least(run: Run) -> int:
    """Tokens that had to be evaluated."""
    return sum(reply["prompt"] - reply["known"] for reply in run.result["replies"])


def restored(run: Run) -> float:
    """Of the tokens that the server knew, per cent."""
    replies = run.result["replies"]
    return 100 * sum(reply["cached"] for reply in replies) / sum(reply["known"] for reply in replies)


def server_rows(name: str, load: ServerLoad | AgentsLoad, rounds: list[Round]) -> list[Row]:
    rows = [best_row(name, "wall time", "s", rounds, lambda run: run.result["wall"]),
            best_row(name, "peak memory", "GB", rounds, lambda run: run.result["peak_bytes"] / 1e9)]
    if isinstance(load, AgentsLoad):
        return [*rows, best_row(name, "time to first token", "s", rounds, lambda run: median(first_tokens(run)))]

    def after_the_first_turn(run: Run) -> float:
        return median(time for turn in range(1, load.turns) for time in first_tokens(run, turn))

    return [*rows, best_row(name, "time to first token after the first turn", "s", rounds, after_the_first_turn)]


def busy_rows(name: str, rounds: list[Round]) -> list[Row]:
    def speed(kind: str) -> Callable[[Run], float]:
        return lambda run: median(sample[kind] for sample in run.result["samples"])

    return [best_row(name, kind, "tokens/s", rounds, speed(kind), higher_is_better=True)
            for kind in ("prefill", "decode")]


def single_rows(name: str, rounds: list[Round]) -> list[Row]:
    def speed(kind: str, depth: int) -> Callable[[Run], float]:
        return lambda run: next(median(test["samples"]) for test in run.result["tests"]
                                if (test["kind"], test["depth"]) == (kind, depth))

    return [best_row(name, f"{test['kind']} at depth {test['depth']}", "tokens/s", rounds,
                     speed(test["kind"], test["depth"]), higher_is_better=True)
            for test in rounds[0][OURS].result["tests"]]


def rows_of(name: str, load: Load, rounds: list[Round]) -> list[Row]:
    if isinstance(load, SingleSequence):
        return single_rows(name, rounds)
    return busy_rows(name, rounds) if isinstance(load, BusyMachine) else server_rows(name, load, rounds)


def all_rows(workloads: dict[str, Workload], results: Results) -> list[Row]:
    return [row for name, work in workloads.items() if (rounds := results.rounds(name))
            for row in rows_of(name, work.load, rounds)]


def best_by_wall(rounds: list[Round]) -> str:
    """llama.cpp's flag set with the shortest wall time."""
    return best_row("", "", "", rounds, lambda run: run.result["wall"]).flag_set


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
        wanted = (row.target.at_least, row.target.aim) if row.target else (None, None)
        target = [f"{value:g}" if value else "" for value in wanted]
        llama = f"{spread(row.llama, row.unit)}, {row.flag_set}"
        lines.append([row.workload, row.metric, spread(row.banyan, row.unit), llama, ratio, *target])
    return table(["workload", "", "Banyan", "llama.cpp", "times better", "at least", "aim"], lines)


def evaluated_table(workloads: dict[str, Workload], results: Results) -> str:
    lines = []
    for name, work in workloads.items():
        rounds = results.rounds(name)
        if rounds and isinstance(work.load, ServerLoad):
            row = best_row(name, "", "", rounds, beyond_new)
            new = rounds[0][OURS].result["new_tokens"]
            lines.append([name, f"{new:,}", spread(row.banyan), f"{spread(row.llama)}, {row.flag_set}", "1", "0"])
    return table(["workload", "tokens new to the server", "Banyan, beyond them, a request", "llama-server", "at most",
                  "aim"], lines) if lines else ""


def agents_table(workloads: dict[str, Workload], results: Results) -> str:
    lines = []
    for name, work in workloads.items():
        rounds = results.rounds(name)
        if rounds and isinstance(work.load, AgentsLoad):
            row = best_row(name, "", "", rounds, lambda run: evaluated(run) / least(run))
            ours, theirs = (spread([restored(runs[program]) for runs in rounds], "%")
                            for program in (OURS, row.flag_set))
            lines.append([name, f"{least(rounds[0][OURS]):,}", spread(row.banyan), ours,
                          f"{spread(row.llama)}, {row.flag_set}", theirs])
    return table(["workload", "tokens that had to be evaluated", "Banyan evaluated, times these",
                  "restored of matched", "llama-server evaluated", "restored"], lines) if lines else ""


def groups(load: Load) -> list[str | int]:
    """The turns of conversations, and what agents ask for."""
    if isinstance(load, ServerLoad):
        return list(range(load.turns))
    return list(KINDS) if isinstance(load, AgentsLoad) else []


def group_name(group: str | int) -> str:
    return f"turn {group + 1}" if isinstance(group, int) else group


def wait_table(workloads: dict[str, Workload], results: Results) -> str:
    lines = []
    for name, work in workloads.items():
        rounds = results.rounds(name)
        for group in groups(work.load) if rounds else []:
            line = [name, group_name(group)]
            for program in (OURS, best_by_wall(rounds)):
                times = [time for runs in rounds for time in first_tokens(runs[program], group)]
                line += [f"{number(median(times))} s", f"{number(max(times))} s"]
            lines.append(line)
    return table(["workload", "", "Banyan, median", "longest", "llama-server, median", "longest"],
                 lines) if lines else ""


def describe(work: Workload) -> str:
    load = work.load
    sets = "; ".join(f"{name}: `{' '.join(flags)}`" for name, flags in work.flag_sets.items())
    if isinstance(load, ServerLoad):
        text = (f"{load.conversations} conversations on a trunk of {load.shared:,} tokens, {load.turns} turns of "
                f"{load.user} tokens and a reply of {load.reply}, {clients(load.clients)}")
    elif isinstance(load, AgentsLoad):
        text = (f"{load.agents} agents on a trunk of {load.trunk:,} tokens, {load.steps} steps each of {load.result} "
                f"tokens and a reply of {load.reply}, strangers' prompts of {load.stranger}, {clients(load.clients)}")
    elif isinstance(load, BusyMachine):
        text = (f"beside an endless loop for each core, a new prompt of {load.prompt} tokens and a reply of "
                f"{load.reply}, {load.runs} times")
    else:
        text = f"`banyan bench` and `llama-bench`: a prompt of {load.prompt} tokens, a reply of {load.reply}"
    return f"{work.shape} model; {text}; llama.cpp, {sets}"


def clients(count: int) -> str:
    return "one client" if count == 1 else f"{count} clients at once"


def dates(workloads: dict[str, Workload], results: Results) -> str:
    rounds = [runs for name in workloads for runs in results.rounds(name)]
    ours = sorted(runs[OURS].date[:10] for runs in rounds)
    theirs = sorted(run.date[:10] for runs in rounds for program, run in runs.items() if program != OURS)

    def span(days: list[str]) -> str:
        return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"

    if ours[0] == theirs[0] and all(runs[OURS].date == min(run.date for run in runs.values()) for runs in rounds):
        return span(ours)
    return f"Banyan {span(ours)}, llama.cpp {span(theirs)}"


def markdown(workloads: dict[str, Workload], results: Results, machine: dict[str, str]) -> str:
    rows = all_rows(workloads, results)
    if not rows:
        return "No round is complete yet.\n"
    measured = {name: work for name, work in workloads.items() if results.rounds(name)}
    waits = wait_table(measured, results)
    parts = [
        "\n".join(f"- {what}: {value}" for what, value in {**machine, "date": dates(measured, results)}.items()),
        "\n".join(f"- *{name}* ({len(results.rounds(name))}×): {describe(work)}" for name, work in measured.items()),
        "Medians of the rounds, and in brackets the least and the most; a ratio is of two runs of a round. "
        "llama.cpp ran with each of its sets of flags; in each line the set with the best median counts, and is named.",
        ratio_table(rows),
        evaluated_table(measured, results),
        agents_table(measured, results),
        "Time to first token, all rounds together, of llama-server with the flags that made the shortest wall time:"
        if waits else "",
        waits,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def insert(document: Path, text: str) -> None:
    """Replaces what is between the two markers."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} lacks the lines '{BEGIN}' and '{END}'")
    document.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
