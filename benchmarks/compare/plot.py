"""The picture: the ratios against their targets, and how long clients wait for the first token."""

from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from report import Row, all_rows, best_by_wall, first_tokens, group_name, groups, number
from results import OURS, Results, Round
from workloads import Load, Workload

BANYAN, LLAMA, TARGET = "#2a7d4f", "#9a9a9a", "#c2571a"


def plot_ratios(axes: Axes, rows: list[Row]) -> None:
    """Bars of the medians with the range of the rounds; the least that is wanted and the aim as ticks."""
    places = range(len(rows))
    medians = [median(row.ratios) for row in rows]
    ranges = [[middle - min(row.ratios) for middle, row in zip(medians, rows)],
              [max(row.ratios) - middle for middle, row in zip(medians, rows)]]
    axes.barh(places, [middle - 1 for middle in medians], left=1, height=0.55, color=BANYAN)
    axes.errorbar(medians, places, xerr=ranges, fmt="none", ecolor="black", elinewidth=1, capsize=3)
    for place, row in zip(places, rows):
        axes.text(1.02, place, f"{number(median(row.ratios))}×", transform=axes.get_yaxis_transform(), va="center",
                  fontweight="bold")
    wanted = [(place, row.target) for place, row in zip(places, rows) if row.target]
    aims = [(place, target.aim) for place, target in wanted if target.aim]
    for marks, style, label in (([(place, target.at_least) for place, target in wanted], "-", "at least"),
                                (aims, ":", "aim")):
        spots, values = [place for place, _ in marks], [value for _, value in marks]
        axes.vlines(values, [spot - 0.4 for spot in spots], [spot + 0.4 for spot in spots], TARGET, style, label,
                    linewidth=2)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    shown = [1, *(target.at_least for _, target in wanted), *(aim for _, aim in aims),
             *(ratio for row in rows for ratio in row.ratios)]
    axes.set_xlim(min(shown) / 1.1, max(shown) * 1.1)
    axes.set_xticks([2.0**power for power in range(-3, 9) if min(shown) <= 2.0**power <= max(shown)])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_yticks(places, [f"{row.workload}: {row.metric}" for row in rows])
    axes.invert_yaxis()
    axes.set_title("Times better than llama.cpp", loc="left")
    if wanted:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)


def plot_first_tokens(axes: Axes, name: str, load: Load, rounds: list[Round]) -> None:
    """For each turn, or kind of reply, the median as a dot and a line up to the longest."""
    axes.set_yscale("log")
    for program, color, label, shift in ((OURS, BANYAN, "Banyan", -0.12),
                                         (best_by_wall(rounds), LLAMA, "llama-server", 0.12)):
        for place, group in enumerate(groups(load)):
            times = [time for runs in rounds for time in first_tokens(runs[program], group)]
            axes.plot([place + shift] * 2, [median(times), max(times)], color=color, linewidth=2)
            axes.plot(place + shift, median(times), "o", color=color, label=label if place == 0 else None)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    axes.set_xticks(range(len(groups(load))), [group_name(group) for group in groups(load)])
    axes.set_xlim(-0.5, len(groups(load)) - 0.5)
    axes.margins(y=0.15)
    axes.set_title(name, loc="left")


def draw(path: Path, workloads: dict[str, Workload], results: Results) -> None:
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "banyan", "font.family": "sans-serif", "font.size": 10,
                         "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "bold"})
    rows = all_rows(workloads, results)
    loads = {name: work.load for name, work in workloads.items() if groups(work.load) and results.rounds(name)}
    lines = (len(loads) + 1) // 2
    heights = [0.42 * len(rows) + 0.5] + ([2.6 * lines + 0.8] if loads else [])
    figure = plt.figure(figsize=(9, sum(heights) + 0.8), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    plot_ratios(parts[0].subplots(), rows)
    if loads:
        parts[1].suptitle("Time to first token", x=0.01, ha="left", fontweight="bold")
        panels = list(parts[1].subplots(lines, 2, sharey="row", squeeze=False).flat)
        for axes, (name, load) in zip(panels, loads.items()):
            plot_first_tokens(axes, name, load, results.rounds(name))
        if len(loads) % 2 == 1:
            panels[-1].set_axis_off()
        parts[1].legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False,
                        title="the dot is the median, the line ends at the longest", title_fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
