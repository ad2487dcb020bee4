#include "cli/engine_flags.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <filesystem>
#include <format>
#include <system_error>

#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kGroup = "Model and memory";
constexpr const char* kShippedModel = "tally-qwen3-q8_0.gguf";
/// A load that is over sooner needs no progress.
constexpr auto kPatience = std::chrono::milliseconds(300);

/// Where the shipped model lies: with an installed program, or in the sources it was built from.
fs::path shipped_model() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path installed = program.parent_path().parent_path() / "share/banyan/models" / kShippedModel;
  if (!error && fs::exists(installed, error)) return installed;
  return fs::path(BANYAN_SOURCE_MODELS) / kShippedModel;
}

/// A flag that takes a size such as 8GiB.
void add_size_flag(CLI::App& app, const std::string& name, std::size_t& bytes, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&bytes, name](const std::string& text) {
           const auto size = parse_size(text);
           if (!size) throw CLI::ValidationError(name, size.error().message);
           bytes = *size;
         },
         help)
      ->type_name("SIZE")
      ->group(kGroup);
}

}  // namespace

void add_model_flags(CLI::App& app, EngineFlags& flags) {
  app.add_option("-m,--model", flags.model, "GGUF file; without one, the tiny model that ships")
      ->envname("BANYAN_MODEL")
      ->type_name("PATH")
      ->group(kGroup);
  app.add_option("--threads", flags.threads,
                 "Most threads that compute; a server or chat takes as many as are\n"
                 "fastest just now [one for each real core]")
      ->check(at_least(1))
      ->type_name("N")
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--kv-type",
         [&flags](const std::string& name) {
           flags.kv_type = *std::ranges::find(kKvTypes, name, kv_type_name);
         },
         "Number format of keys and values: f16, q8_0 (half the memory, a little less exact) or f32 [f16]")
      ->check(CLI::IsMember({"f16", "q8_0", "f32"}).description(""))
      ->type_name("TYPE")
      ->group(kGroup);
  app.add_option("--batch", flags.batch_tokens, "Most tokens that are evaluated together [512]")
      ->check(at_least(1))
      ->type_name("N")
      ->group(kGroup);
  app.add_flag("-v,--verbose", flags.verbosity, "Say more; twice: everything");
}

void add_engine_flags(CLI::App& app, EngineFlags& flags) {
  add_model_flags(app, flags);
  app.add_option("--ctx", flags.context, "Most tokens of a conversation [what the model was trained on]")
      ->check(at_least(1))
      ->type_name("N")
      ->group(kGroup);
  app.add_option("--delay-factor", flags.delay_factor,
                 "How many times as long a reply's next token may take while prompts are read [8]")
      ->check(CLI::Range(1.0, 1e6).description(""))
      ->type_name("X")
      ->group(kGroup);
  add_size_flag(app, "--memory", flags.memory_bytes,
                "Budget of all conversations, weights aside, such as 8GiB [from the machine]");
}

void add_disk_flags(CLI::App& app, EngineFlags& flags) {
  add_disk_cache_flag(app, flags.disk_cache,
                      "Folder where conversations are kept, to go on faster after a restart [none]")
      ->group(kGroup);
  add_size_flag(app, "--disk-budget", flags.disk_bytes,
                "Budget of what this model has in that folder [20GiB]");
}

CLI::Option* add_disk_cache_flag(CLI::App& app, std::string& folder, const std::string& help) {
  return app.add_option("--disk-cache", folder, help)->envname("BANYAN_DISK_CACHE")->type_name("DIR");
}

CLI::Validator between(int least, int most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        const auto number = parse_integer(text, least, most);
        return number ? std::string() : number.error().message;
      },
      "");
}

CLI::Validator at_least(int least) { return between(least, INT_MAX); }

Result<std::string> model_path(const EngineFlags& flags) {
  if (!flags.model.empty()) return flags.model;
  const fs::path path = shipped_model();
  std::error_code error;
  if (fs::exists(path, error)) return path.string();
  return fail(Errc::io,
              std::format("no model given (-m), and the one that ships is not at {}", path.string()));
}

void set_up_log(int verbosity) {
  auto logger = std::make_shared<spdlog::logger>("banyan");
  logger->sinks().push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
      use_color(stderr) ? spdlog::color_mode::always : spdlog::color_mode::never));
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(verbosity <= 0   ? spdlog::level::warn
                    : verbosity == 1 ? spdlog::level::info
                                     : spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

EngineOptions engine_options(const EngineFlags& flags, std::string path) {
  EngineOptions options;
  options.model_path = std::move(path);
  options.kv_type = flags.kv_type;
  options.memory_bytes = flags.memory_bytes;
  options.context = flags.context;
  options.batch_tokens = flags.batch_tokens;
  options.delay_factor = flags.delay_factor;
  options.threads = flags.threads;
  options.disk_cache = flags.disk_cache;
  options.disk_bytes = flags.disk_bytes;
  return options;
}

Result<std::unique_ptr<Engine>> start_engine(EngineOptions options, Interrupts& interrupts) {
  ProgressLine progress;
  const auto start = Clock::now();
  const auto show = [&](const char* what, const char* why) {
    return [&, what, why](float part) {
      if (Clock::now() - start > kPatience) {
        const std::string name = fs::path(options.model_path).filename().string();
        progress.show(std::format("{} {}{} {:.0f} %", what, name, why, part * 100));
      }
      return !interrupts.raised();
    };
  };
  options.load_progress = show("loading", "");
  options.hash_progress = show("reading", ", once for the disk cache,");
  auto engine = Engine::start(options);
  if (interrupts.raised()) return fail(Errc::cancelled, "interrupted");
  return engine;
}

std::string describe(const ModelInfo& info) {
  return std::format("{} ({}, {} parameters, {})", info.name, info.architecture,
                     format_parameters(info.parameters), info.quantization);
}

}  // namespace banyan::cli
