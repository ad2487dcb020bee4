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
from load import Reply, run_load
from main import to_do
from results import Results, Run
from servers import Server, ServerError
from single import bench_command, run_bench
from workloads import ServerLoad, SingleSequence, Workload

BANYAN = os.environ["BANYAN"]
MODEL = Path(__file__).resolve().parents[2] / "models/tally-qwen3-q8_0.gguf"
LOAD = ServerLoad(conversations=2, shared=100, user=10, reply=4, turns=2, clients=1, llama_flags=())
SINGLE = SingleSequence(prompt=8, reply=4, depths=(0, 16), repetitions=2)
WORKLOADS: dict[str, Workload] = {"one-client": LOAD, "single-sequence": SINGLE}
SETUPS = {(name, program): {"version": f"{program} 1"} for name in WORKLOADS for program in ("banyan", "llama.cpp")}


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
                run_load(server.url, **LOAD.sizes())


class SingleTest(unittest.TestCase):
    def test_the_samples_of_every_test(self) -> None:
        tests = run_bench(bench_command(BANYAN, MODEL, 1, SINGLE))
        self.assertEqual([(test["kind"], test["depth"], len(test["samples"])) for test in tests],
                         [("prefill", 0, 2), ("decode", 0, 2), ("prefill", 16, 2), ("decode", 16, 2)])


def load_run(program: str, number: int, seconds: float, evaluated: int = 10) -> Run:
    replies = [asdict(Reply(conversation, turn, seconds * (1 + turn), seconds, evaluated, 0))
               for turn in range(2) for conversation in range(2)]
    return Run("one-client", program, number, SETUPS["one-client", program], "2026-01-02T03:04:05", seconds,
               {"wall": seconds, "peak_bytes": seconds * 1e9, "new_tokens": 40, "replies": replies})


def single_run(program: str, number: int, **samples: list[float]) -> Run:
    tests = [{"kind": "decode", "depth": 0, "variant": variant, "samples": speeds}
             for variant, speeds in samples.items()]
    return Run("single-sequence", program, number, SETUPS["single-sequence", program], "2026-01-02T03:04:05", 1,
               {"tests": tests})


class ReportTest(TemporaryFolder):
    def setUp(self) -> None:
        super().setUp()
        self.results = Results(self.folder, SETUPS)

    def rows(self) -> dict[str, report.Row]:
        return {row.metric: row for row in report.all_rows(WORKLOADS, self.results)}

    def test_ratios_are_of_the_two_runs_of_a_round(self) -> None:
        for number, (ours, theirs) in enumerate([(1, 4), (2, 20), (4, 24)], start=1):
            self.results.save(load_run("banyan", number, ours))
            self.results.save(load_run("llama.cpp", number, theirs, evaluated=110))
        rows = self.rows()
        self.assertEqual(rows["wall time"].ratios, [4, 10, 6])
        self.assertEqual(rows["peak memory"].llama, [4, 20, 24])
        self.assertEqual(rows["time to first token after the first turn"].banyan, [2, 4, 8])
        text = report.markdown(WORKLOADS, self.results, {"machine": "two cores"})
        self.assertIn("| one-client | wall time | 2.00 s (1.00 to 4.00) | 20.0 s (4.00 to 24.0) | "
                      "**6.00 (4.00 to 10.0)** | 4 | 6 |", text)
        self.assertIn("| one-client | 40 | 0.00 (0.00 to 0.00) | 100 (100 to 100) | 1 | 0 |", text)
        self.assertIn("| one-client | 2 | 4.00 s | 8.00 s | 40.0 s | 48.0 s |", text)

    def test_llama_bench_counts_with_its_faster_variant(self) -> None:
        self.results.save(single_run("banyan", 1, **{"": [20.0, 30.0, 40.0]}))
        self.results.save(single_run("llama.cpp", 1, on=[20.0], off=[15.0]))
        row = self.rows()["decode at depth 0"]
        self.assertEqual((row.llama, row.ratios, row.note), ([20], [1.5], "flash attention on"))

    def test_a_round_counts_when_both_ran_with_the_present_setup(self) -> None:
        for number in (1, 2):
            self.results.save(load_run("banyan", number, 1))
        self.results.save(load_run("llama.cpp", 1, 1))
        self.assertEqual(len(self.results.rounds("one-client")), 1)
        changed = {**SETUPS, ("one-client", "banyan"): {"version": "banyan 2"}}
        self.assertEqual(Results(self.folder, changed).rounds("one-client"), [])

    def test_an_interrupted_comparison_goes_on_where_it_was(self) -> None:
        def jobs(setups: dict[tuple[str, str], dict[str, Any]], keep_llama: bool = False) -> list[tuple[int, str, str]]:
            return to_do(["one-client"], 2, Results(self.folder, setups), keep_llama)

        second = [(2, "one-client", "banyan"), (2, "one-client", "llama.cpp")]
        self.results.save(load_run("banyan", 1, 1))
        self.assertEqual(jobs(SETUPS), [(1, "one-client", "llama.cpp"), *second])
        self.results.save(load_run("llama.cpp", 1, 1))
        self.assertEqual(jobs(SETUPS), second)
        changed = {**SETUPS, ("one-client", "banyan"): {"version": "banyan 2"}}
        self.assertEqual(jobs(changed), [(1, "one-client", "banyan"), (1, "one-client", "llama.cpp"), *second])
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
