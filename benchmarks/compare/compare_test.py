"""That the comparison goes on working: its parts against `banyan`, without llama.cpp and pictures.

The environment variable BANYAN names the program.
"""

import os
import tempfile
import unittest
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import report
from agents import AgentReply, run_agents
from busy import run_busy
from load import Reply, run_load
from main import command, to_do
from results import Results, Run, programs
from servers import Server, ServerError
from single import bench_arguments, run_bench
from workloads import FULL, QUICK, AgentsLoad, BusyMachine, ServerLoad, SingleSequence, Workload

BANYAN = os.environ["BANYAN"]
MODEL = Path(__file__).resolve().parents[2] / "models/tally-qwen3-q8_0.gguf"
LOAD = ServerLoad(conversations=2, shared=100, user=10, reply=4, turns=2, clients=1)
AGENTS = AgentsLoad(agents=2, trunk=100, task=10, result=8, reply=4, steps=3, stranger=30, clients=1)
SINGLE = SingleSequence(prompt=8, reply=4, depths=(0, 16), repetitions=2)
WORKLOADS = {
    "one-client": Workload("full", LOAD, {"defaults": ("-c", "4096"), "tuned": ("-c", "4096", "-kvu")}),
    "agents": Workload("full", AGENTS, {"defaults": ()}),
    "busy": Workload("full", BusyMachine(prompt=10, reply=4, runs=2), {"defaults": (), "one thread": ()}),
    "single-sequence": Workload("full", SINGLE, {"on": ("-fa", "on"), "off": ("-fa", "off")}),
}
SETUPS = {(name, program): {"version": f"{program} 1"}
          for name, work in WORKLOADS.items() for program in programs(work)}


class TemporaryFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class LoadTest(TemporaryFolder):
    def run_on_banyan(self, **sizes: int) -> list[Reply]:
        with Server([BANYAN, "serve", "-m", str(MODEL)], self.folder / "log") as server:
            self.result = run_load(server.url, **sizes)
            self.assertGreater(server.peak_memory(), MODEL.stat().st_size / 2)
        return self.result.replies

    def test_one_client_evaluates_only_what_is_new(self) -> None:
        replies = self.run_on_banyan(conversations=3, shared=40, user=8, reply=4, turns=2, clients=1)
        self.assertEqual(self.result.new_tokens, 40 + 3 * 2 * 8)
        # In the second turn the last token of the reply before comes on top: it was chosen, never evaluated.
        self.assertEqual(sum(reply.evaluated for reply in replies), self.result.new_tokens + 3)
        for reply in replies:
            self.assertEqual(reply.cached + reply.evaluated, 48 if reply.turn == 0 else 60)
            self.assertLess(0, reply.first_token)
            self.assertLessEqual(reply.first_token, reply.total)
        self.assertLessEqual(max(reply.total for reply in replies), self.result.wall)

    def test_every_conversation_takes_its_turns_whatever_the_number_of_clients(self) -> None:
        replies = self.run_on_banyan(conversations=4, shared=20, user=5, reply=3, turns=3, clients=3)
        self.assertEqual(Counter((reply.conversation, reply.turn) for reply in replies),
                         Counter((conversation, turn) for conversation in range(4) for turn in range(3)))
        self.assertEqual([reply.turn for reply in replies], [0] * 4 + [1] * 4 + [2] * 4)

    def test_a_server_that_does_not_start_says_why(self) -> None:
        with self.assertRaisesRegex(ServerError, "(?s)before it answered.*missing.gguf"):
            with Server([BANYAN, "serve", "-m", "missing.gguf"], self.folder / "log"):
                self.fail("it started")


    def test_a_server_that_dies_is_named(self) -> None:
        with self.assertRaisesRegex(ServerError, "(?s)banyan died.*listening on"):
            with Server([BANYAN, "serve", "-m", str(MODEL)], self.folder / "log") as server:
                server.process.kill()
                run_load(server.url, **vars(LOAD))


class AgentsTest(TemporaryFolder):
    def run_on_banyan(self, clients: int) -> list[AgentReply]:
        with Server([BANYAN, "serve", "-m", str(MODEL)], self.folder / "log") as server:
            return run_agents(server.url, **{**vars(AGENTS), "clients": clients}).replies

    def test_one_client_evaluates_only_what_had_to_be(self) -> None:
        replies = self.run_on_banyan(clients=1)
        self.assertEqual(len(replies), AGENTS.replies)
        self.assertEqual([reply.kind for reply in replies],
                         ["step", "step", "edit", "sub-agent", "sub-agent", "stranger", "step", "retry"] * 2)
        for reply in replies:
            self.assertEqual((reply.evaluated, reply.cached), (reply.prompt - reply.known, reply.known), reply)
        new = {"step": 8 + 1, "edit": 8, "stranger": 30, "retry": 1}  # with the last token of the reply before
        self.assertEqual([reply.prompt - reply.known for reply in replies[8:]],
                         [10 + 8, new["step"], new["edit"], 10, new["step"], new["stranger"], new["step"],
                          new["retry"]])

    def test_each_agent_does_the_same_whatever_the_number_of_clients(self) -> None:
        def kinds(replies: list[AgentReply]) -> list[list[tuple[str, int]]]:
            return [[(reply.kind, reply.prompt) for reply in replies if reply.agent == agent] for agent in range(2)]

        one, two = self.run_on_banyan(clients=1), self.run_on_banyan(clients=2)
        self.assertEqual(kinds(one), kinds(two))
        self.assertEqual(sum(reply.known for reply in one), sum(reply.known for reply in two))


class BusyTest(TemporaryFolder):
    def test_the_speeds_of_every_run(self) -> None:
        with Server([BANYAN, "serve", "-m", str(MODEL)], self.folder / "log") as server:
            speeds = run_busy(server.url, prompt=10, reply=4, runs=2)
        self.assertEqual(len(speeds), 2)
        for speed in speeds:
            self.assertLess(0, speed.prefill)
            self.assertLess(0, speed.decode)


class SingleTest(unittest.TestCase):
    def test_the_samples_of_every_test(self) -> None:
        tests = run_bench([BANYAN, "bench", "-m", str(MODEL), "--threads", "1", *bench_arguments(SINGLE)])
        self.assertEqual([(test["kind"], test["depth"], len(test["samples"])) for test in tests],
                         [("prefill", 0, 2), ("decode", 0, 2), ("prefill", 16, 2), ("decode", 16, 2)])


class WorkloadsTest(unittest.TestCase):
    def test_the_quick_ones_are_the_full_ones_in_small(self) -> None:
        def kinds(workloads: dict[str, Workload]) -> dict[str, tuple[str, type, list[str]]]:
            return {name: (work.shape, type(work.load), list(work.flag_sets)) for name, work in workloads.items()}

        self.assertEqual(kinds(QUICK), kinds(FULL))

    def test_a_flag_set_is_the_end_of_the_command(self) -> None:
        line = command("one thread", FULL["busy"], Path("m.gguf"), 2)
        self.assertEqual(line, ["llama-server", "-m", "m.gguf", "--threads", "2", "-np", "1", "--threads", "1"])


def save(results: Results, workload: str, program: str, number: int, result: dict[str, Any]) -> None:
    results.save(Run(workload, program, number, SETUPS[workload, program], "2026-01-02T03:04:05", 1, result))


def load_result(seconds: float, evaluated: int = 10, peak: float | None = None) -> dict[str, Any]:
    replies = [asdict(Reply(conversation, turn, seconds * (1 + turn), seconds, evaluated, 0))
               for turn in range(2) for conversation in range(2)]
    return {"wall": seconds, "peak_bytes": (seconds if peak is None else peak) * 1e9, "new_tokens": 40,
            "replies": replies}


def agents_result(seconds: float, evaluated: int, cached: int) -> dict[str, Any]:
    replies = [asdict(AgentReply(0, kind, 100, 80, seconds, seconds, evaluated, cached))
               for kind in ("step", "edit", "sub-agent", "stranger", "retry")]
    return {"wall": seconds, "peak_bytes": 1e9, "replies": replies}


class ReportTest(TemporaryFolder):
    def setUp(self) -> None:
        super().setUp()
        self.results = Results(self.folder, SETUPS)

    def rows(self) -> dict[str, report.Row]:
        return {row.metric: row for row in report.all_rows(WORKLOADS, self.results)}

    def test_ratios_are_of_two_runs_of_a_round(self) -> None:
        for number, (ours, theirs) in enumerate([(1, 4), (2, 20), (4, 24)], start=1):
            save(self.results, "one-client", "banyan", number, load_result(ours))
            save(self.results, "one-client", "defaults", number, load_result(theirs, evaluated=110))
            save(self.results, "one-client", "tuned", number, load_result(100, evaluated=110))
        rows = self.rows()
        self.assertEqual(rows["wall time"].ratios, [4, 10, 6])
        self.assertEqual(rows["peak memory"].llama, [4, 20, 24])
        self.assertEqual(rows["time to first token after the first turn"].banyan, [2, 4, 8])
        text = report.markdown(WORKLOADS, self.results, {"machine": "two cores"})
        self.assertIn("| one-client | wall time | 2.00 s (1.00 to 4.00) | 20.0 s (4.00 to 24.0), defaults | "
                      "**6.00 (4.00 to 10.0)** | 4 | 6 |", text)
        self.assertIn("| one-client | 40 | 0.00 (0.00 to 0.00) | 100 (100 to 100), defaults | 1 | 0 |", text)
        self.assertIn("| one-client | turn 2 | 4.00 s | 8.00 s | 40.0 s | 48.0 s |", text)

    def test_for_each_metric_the_flag_set_with_the_best_median_counts(self) -> None:
        for number, (defaults, tuned) in enumerate([(4, 6), (9, 6), (9, 8)], start=1):
            save(self.results, "one-client", "banyan", number, load_result(2))
            save(self.results, "one-client", "defaults", number, load_result(defaults, peak=1))
            save(self.results, "one-client", "tuned", number, load_result(tuned, peak=3))
        rows = self.rows()
        self.assertEqual((rows["wall time"].llama, rows["wall time"].flag_set), ([6, 6, 8], "tuned"))
        self.assertEqual((rows["peak memory"].llama, rows["peak memory"].flag_set), ([1, 1, 1], "defaults"))

    def test_where_more_is_better_the_faster_flag_set_counts(self) -> None:
        def tests(*samples: float) -> dict[str, Any]:
            return {"tests": [{"kind": "decode", "depth": 0, "samples": samples}]}

        save(self.results, "single-sequence", "banyan", 1, tests(20, 30, 40))
        save(self.results, "single-sequence", "on", 1, tests(20))
        save(self.results, "single-sequence", "off", 1, tests(15))
        for program, speed in (("banyan", 12), ("defaults", 2), ("one thread", 3)):
            save(self.results, "busy", program, 1, {"samples": [{"prefill": 9, "decode": speed}]})
        rows = self.rows()
        self.assertEqual((rows["decode at depth 0"].ratios, rows["decode at depth 0"].flag_set), ([1.5], "on"))
        self.assertEqual((rows["decode"].ratios, rows["decode"].flag_set), ([4], "one thread"))
        self.assertIn("| busy | decode | 12.0 tokens/s | 3.00 tokens/s, one thread | **4.00** | 4 |  |",
                      report.markdown(WORKLOADS, self.results, {}))

    def test_what_agents_had_evaluated_is_compared_with_what_had_to_be(self) -> None:
        save(self.results, "agents", "banyan", 1, agents_result(2, evaluated=20, cached=80))
        save(self.results, "agents", "defaults", 1, agents_result(5, evaluated=60, cached=40))
        self.assertEqual(self.rows()["time to first token"].ratios, [2.5])
        text = report.markdown(WORKLOADS, self.results, {})
        self.assertIn("| agents | 100 | 1.00 | 100 % | 3.00, defaults | 50.0 % |", text)
        self.assertIn("| agents | sub-agent | 2.00 s | 2.00 s | 5.00 s | 5.00 s |", text)

    def test_a_round_counts_when_all_ran_with_the_present_setup(self) -> None:
        for number in (1, 2):
            save(self.results, "one-client", "banyan", number, load_result(1))
            save(self.results, "one-client", "tuned", number, load_result(1))
        save(self.results, "one-client", "defaults", 1, load_result(1))
        self.assertEqual(len(self.results.rounds("one-client")), 1)
        changed = {**SETUPS, ("one-client", "banyan"): {"version": "banyan 2"}}
        self.assertEqual(Results(self.folder, changed).rounds("one-client"), [])

    def test_an_interrupted_comparison_goes_on_where_it_was(self) -> None:
        def jobs(setups: dict[tuple[str, str], dict[str, Any]], keep_llama: bool = False) -> list[tuple[int, str, str]]:
            return to_do({"one-client": WORKLOADS["one-client"]}, 2, Results(self.folder, setups), keep_llama)

        second = [(2, "one-client", "banyan"), (2, "one-client", "defaults"), (2, "one-client", "tuned")]
        save(self.results, "one-client", "banyan", 1, load_result(1))
        self.assertEqual(jobs(SETUPS), [(1, "one-client", "defaults"), (1, "one-client", "tuned"), *second])
        save(self.results, "one-client", "defaults", 1, load_result(1))
        save(self.results, "one-client", "tuned", 1, load_result(1))
        self.assertEqual(jobs(SETUPS), second)
        changed = {**SETUPS, ("one-client", "banyan"): {"version": "banyan 2"}}
        self.assertEqual(jobs(changed), [(1, "one-client", "banyan"), (1, "one-client", "defaults"),
                                         (1, "one-client", "tuned"), *second])
        self.assertEqual(jobs(changed, keep_llama=True), [(1, "one-client", "banyan"), *second])

    def test_the_document_keeps_what_is_around_the_results(self) -> None:
        document = self.folder / "performance.md"
        document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
        report.insert(document, "new\n")
        self.assertEqual(document.read_text(), f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n")
        document.write_text("no markers\n")
        with self.assertRaises(ValueError):
            report.insert(document, "new\n")


if __name__ == "__main__":
    unittest.main()
