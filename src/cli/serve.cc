#include <spdlog/spdlog.h>

#include <cstdio>
#include <format>
#include <fstream>
#include <memory>
#include <print>
#include <sstream>
#include <string>
#include <utility>

#include "banyan/server.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/reply_options.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

struct ServeFlags {
  EngineFlags engine;
  ServerOptions server;
  ReplyOptions reply;
  std::string reasoning = "auto";
  int reasoning_budget = -1;
  bool tools_first = false;
  std::string chat_template, chat_template_file, template_variables;
  int max_running = EngineOptions().max_running;
  int max_queued = EngineOptions().max_queued;
};

// What requests have fields of their own for is such a default, which a request can overrule.
void take_known_variables(RequestDefaults& defaults) {
  Json& variables = defaults.template_variables;
  if (const auto thinks = variables.find("enable_thinking");
      thinks != variables.end() && thinks->is_boolean()) {
    if (!defaults.reasoning.enabled) defaults.reasoning.enabled = thinks->get<bool>();
    variables.erase("enable_thinking");
  }
  if (const auto effort = variables.find("reasoning_effort");
      effort != variables.end() && effort->is_string()) {
    defaults.reasoning.effort = effort->get<std::string>();
    variables.erase("reasoning_effort");
  }
}

Result<RequestDefaults> request_defaults(const ServeFlags& flags) {
  RequestDefaults defaults{.sampling = flags.reply.sampling,
                           .max_tokens = flags.reply.max_tokens,
                           .tools_first = flags.tools_first};
  if (flags.reasoning != "auto") defaults.reasoning.enabled = flags.reasoning == "on";
  defaults.reasoning.budget = flags.reasoning_budget;
  if (flags.template_variables.empty()) return defaults;
  defaults.template_variables = Json::parse(flags.template_variables, nullptr, false);
  if (defaults.template_variables.is_object()) {
    take_known_variables(defaults);
    return defaults;
  }
  return fail(Errc::invalid_argument, "--chat-template-kwargs must be a JSON object, such as {\"a\": true}");
}

Result<std::string> chat_template(const ServeFlags& flags) {
  if (!flags.chat_template.empty() && !flags.chat_template.contains('{')) {
    return fail(
        Errc::invalid_argument,
        std::format("--chat-template takes the text of a Jinja template, and '{}' is neither that nor a name "
                    "that is known here; --chat-template-file takes a file",
                    flags.chat_template.substr(0, 60)));
  }
  if (flags.chat_template_file.empty()) return flags.chat_template;
  std::ifstream file(flags.chat_template_file, std::ios::binary);
  std::ostringstream text;
  // An empty file and a folder give nothing, and a stream takes that for a failure.
  if (file && text << file.rdbuf()) return std::move(text).str();
  return fail(Errc::io, "cannot read a chat template from " + flags.chat_template_file + ", or it is empty");
}

Result<int> serve(const ServeFlags& flags) {
  set_up_log(flags.engine.verbosity + 1);
  warn_of_empty_replies(flags.reply);
  auto path = model_path(flags.engine);
  if (!path) return std::unexpected(path.error());
  auto defaults = request_defaults(flags);
  if (!defaults) return std::unexpected(defaults.error());
  auto jinja = chat_template(flags);
  if (!jinja) return std::unexpected(jinja.error());
  Interrupts interrupts;
  EngineOptions options = engine_options(flags.engine, std::move(*path));
  options.max_running = flags.max_running;
  options.max_queued = flags.max_queued;
  options.chat_template = std::move(*jinja);
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

  ServerOptions server_options = flags.server;
  server_options.defaults = std::move(*defaults);
  const auto server = Server::start(**engine, server_options);
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
  auto flags = std::make_shared<ServeFlags>();
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
  const std::string defaults = "Where a request does not say";
  add_parameters(*command, flags->reply, defaults);
  command
      ->add_option(
          "--reasoning", flags->reasoning,
          "Whether the model thinks before it answers: on, off, or auto, as its template does [auto]")
      ->check(CLI::IsMember({"on", "off", "auto"}))
      ->type_name("WHETHER")
      ->group(defaults);
  command
      ->add_option("--reasoning-budget", flags->reasoning_budget,
                   "Most tokens of a reply's thoughts; -1: no limit [-1]")
      ->check(at_least(-1))
      ->type_name("N")
      ->group(defaults);
  const std::string prompts = "Prompts";
  command
      ->add_flag("--tools-first", flags->tools_first,
                 "Put the tools before the system's text, where the template allows it, so that another "
                 "folder or date in that text does not lose them")
      ->group(prompts);
  auto* inline_template = command
                              ->add_option("--chat-template", flags->chat_template,
                                           "A Jinja template in the place of the model's own")
                              ->type_name("TEXT")
                              ->group(prompts);
  command->add_option("--chat-template-file", flags->chat_template_file, "The same from a file")
      ->excludes(inline_template)
      ->type_name("FILE")
      ->group(prompts);
  command
      ->add_option("--chat-template-kwargs", flags->template_variables,
                   "More variables for the template, as a JSON object")
      ->type_name("JSON")
      ->group(prompts);
  add_engine_flags(*command, flags->engine);
  add_disk_flags(*command, flags->engine);
  command->footer(
      "Speaks OpenAI's chat completions, responses and completions, Anthropic's messages, Ollama's chat\n"
      "and generate, and llama-server's completion, and shows its cache at /cache. Prints\n"
      "'banyan: listening on URL' once it is ready. On SIGINT, SIGTERM or SIGHUP it finishes what runs and\n"
      "ends; on a second SIGINT or SIGTERM it ends at once. With --disk-cache it goes on from there after a\n"
      "restart, however it ended; 'banyan cache' manages that folder.\n"
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
