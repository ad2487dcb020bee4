/// The subcommands of `banyan`: each adds its options to the parser and hands back what to do when
/// it is the one that was given.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "banyan/base.h"

namespace banyan::cli {

constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

struct Command {
  CLI::App* app = nullptr;
  /// Returns the exit code, or an error for main() to print. May throw CLI::ParseError for what is
  /// wrong with the options taken together.
  std::function<Result<int>()> run;
};

Command add_chat(CLI::App& app);
Command add_run(CLI::App& app);
Command add_serve(CLI::App& app);
Command add_demo(CLI::App& app);
Command add_bench(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_cache(CLI::App& app);

}  // namespace banyan::cli
