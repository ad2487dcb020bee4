/// The options that every command with an engine has, and starting one from them.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "banyan/engine.h"
#include "cli/interrupts.h"

namespace banyan::cli {

struct EngineFlags {
  std::string model;  ///< empty: the model that ships
  int context = 0;
  std::size_t memory_bytes = 0;
  int threads = 0;
  KvType kv_type = KvType::f16;
  int batch_tokens = 512;
  double delay_factor = 8;
  std::string disk_cache = {};  ///< empty: none
  std::size_t disk_bytes = EngineOptions().disk_bytes;
  int verbosity = 0;
};

/// Adds -m, --threads, --kv-type, --batch and -v. `flags` must outlive the parsing.
void add_model_flags(CLI::App& app, EngineFlags& flags);
/// Adds these, --ctx, --delay-factor and --memory.
void add_engine_flags(CLI::App& app, EngineFlags& flags);
/// Adds --disk-cache and --disk-budget.
void add_disk_flags(CLI::App& app, EngineFlags& flags);
/// Adds --disk-cache alone, for what has no engine.
CLI::Option* add_disk_cache_flag(CLI::App& app, std::string& folder, const std::string& help);

/// A check for CLI11 that an option is a whole number of this range.
CLI::Validator between(int least, int most);
CLI::Validator at_least(int least);

/// The model that the flags name, or else the one that ships. Errors: io, when neither is there.
Result<std::string> model_path(const EngineFlags& flags);

/// Sends the log to standard error: warnings and worse, and more with each `verbosity`.
void set_up_log(int verbosity);

EngineOptions engine_options(const EngineFlags& flags, std::string path);

/// Starts an engine, with progress on a terminal when the model is large. Errors: those of
/// Engine::start, and cancelled after an interrupt.
Result<std::unique_ptr<Engine>> start_engine(EngineOptions options, Interrupts& interrupts);

/// "Tally qwen3 (qwen3, 5.3 M parameters, Q8_0)".
std::string describe(const ModelInfo& info);

}  // namespace banyan::cli
