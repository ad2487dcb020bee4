#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <print>
#include <string>
#include <utility>

#include "banyan/server.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

struct Flags {
  EngineFlags engine;
  ServerOptions server;
  int max_running = EngineOptions().max_running;
  int max_queued = EngineOptions().max_queued;
};

Result<int> serve(const Flags& flags) {
  set_up_log(flags.engine.verbosity + 1);
  auto path = model_path(flags.engine);
  if (!path) return std::unexpected(path.error());
  Interrupts interrupts;
  EngineOptions options = engine_options(flags.engine, std::move(*path));
  options.max_running = flags.max_running;
  options.max_queued = flags.max_queued;
  const auto engine = start_engine(std::move(options), interrupts);
  if (!engine) return std::unexpected(engine.error());
  const EngineOptions& used = (*engine)->options();
  spdlog::info("model {} from {}", describe((*engine)->model().info()), used.model_path);
  spdlog::info("context {} tokens, memory budget {}, {} threads", used.context,
               format_bytes(used.memory_bytes), used.threads);
  if (!used.disk_cache.empty()) {
    const PrefixCache::Counters stored = (*engine)->status().cache;
    spdlog::info("disk cache {}: {} tokens of this model, {} of {}", used.disk_cache,
                 grouped(stored.stored_tokens), format_bytes(stored.stored_bytes),
                 format_bytes(used.disk_bytes));
  }

  const auto server = Server::start(**engine, flags.server);
  if (!server) return std::unexpected(server.error());
  std::println("banyan: listening on {}", (*server)->url());
  std::fflush(stdout);
  interrupts.wait();
  spdlog::info("stopping; what runs may finish");
  interrupts.release();
  (*server)->stop(true);
  (*engine)->stop(true);
  return kExitOk;
}

}  // namespace

Command add_serve(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("serve", "Answer clients over HTTP");
  const std::string group = "Server";
  command->add_option("--host", flags->server.host, "Name or address to listen on [127.0.0.1]")
      ->type_name("HOST")
      ->group(group);
  command->add_option("--port", flags->server.port, "Port to listen on; 0: any that is free [8080]")
      ->check(between(0, 65535))
      ->type_name("PORT")
      ->group(group);
  command->add_option("--api-key", flags->server.api_key, "Key that clients must send [none]")
      ->envname("BANYAN_API_KEY")
      ->type_name("KEY")
      ->group(group);
  command->add_option("--alias", flags->server.model_id, "The model's name to clients [its file's]")
      ->type_name("NAME")
      ->group(group);
  command
      ->add_option(
          "--cors-origins", flags->server.cors_origins,
          "Web pages that may read answers: origins as https://example.com, 'localhost' for those of "
          "this machine, '*' for all, or '' for none [localhost]")
      ->delimiter(',')
      ->type_name("LIST")
      ->group(group);
  command->add_option("--parallel", flags->max_running, "Most replies that are made at once [64]")
      ->check(at_least(1))
      ->type_name("N")
      ->group(group);
  command->add_option("--queue", flags->max_queued, "Most requests that wait; others get 503 [256]")
      ->check(at_least(0))
      ->type_name("N")
      ->group(group);
  add_engine_flags(*command, flags->engine);
  add_disk_flags(*command, flags->engine);
  command->footer(
      "Speaks OpenAI's chat completions and completions, llama-server's completion, and shows its\n"
      "cache at /cache. Prints 'banyan: listening on URL' once it is ready. On SIGINT, SIGTERM or SIGHUP\n"
      "it finishes what runs and ends; on a second SIGINT or SIGTERM it ends at once. With --disk-cache it\n"
      "goes on from there after a restart, however it ended; 'banyan cache' manages that folder.\n"
      "\n"
      "Examples:\n"
      "  banyan serve\n"
      "  banyan serve -m model.gguf --ctx 16384 --memory 12GiB --host 0.0.0.0 --api-key secret\n"
      "  banyan serve -m model.gguf --disk-cache ~/banyan-cache --disk-budget 50GiB\n"
      "  curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\\n"
      "       -d '{\"messages\": [{\"role\": \"user\", \"content\": \"What is 2 plus 3?\"}]}'");
  return {command, [flags] { return serve(*flags); }};
}

}  // namespace banyan::cli
