#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <print>
#include <string>
#include <utility>
#include <vector>

#include "base/trimmed.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/reply_options.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

struct RunFlags {
  EngineFlags engine;
  ReplyOptions reply;
  std::string system;
  bool raw = false;
  std::vector<std::string> words;
};

/// The words of the command line, then what a pipe brings.
std::string read_prompt(const std::vector<std::string>& words) {
  std::string prompt;
  for (const std::string& word : words) prompt += (prompt.empty() ? "" : " ") + word;
  if (!is_terminal(stdin)) {
    const std::string piped(std::istreambuf_iterator<char>(std::cin), {});
    const std::string_view text = trimmed(piped);
    if (!text.empty()) prompt += (prompt.empty() ? "" : "\n\n") + std::string(text);
  }
  return prompt;
}

Result<ChatPrompt> make_prompt(const Engine& engine, const RunFlags& flags, const std::string& prompt) {
  if (flags.raw) return ChatPrompt{.tokens = engine.vocabulary().tokenize(prompt, true, true), .points = {}};
  ChatRequest request;
  if (!flags.system.empty())
    request.messages.push_back({.role = Role::system, .content = {{.text = flags.system}}});
  request.messages.push_back({.role = Role::user, .content = {{.text = prompt}}});
  return chat_prompt(engine, request);
}

Result<int> run(const RunFlags& flags) {
  set_up_log(flags.engine.verbosity);
  warn_of_empty_replies(flags.reply);
  const std::string prompt = read_prompt(flags.words);
  if (prompt.empty()) throw CLI::RequiredError("a prompt, as arguments or from a pipe,");
  auto path = model_path(flags.engine);
  if (!path) return std::unexpected(path.error());

  Interrupts interrupts;
  const auto engine = start_engine(engine_options(flags.engine, std::move(*path)), interrupts);
  if (!engine) return std::unexpected(engine.error());
  auto request = make_prompt(**engine, flags, prompt);
  if (!request) return std::unexpected(request.error());
  auto generation = (*engine)->submit(make_request(flags.reply, *std::move(request)));
  if (!generation) return std::unexpected(generation.error());
  const auto reply = receive(**engine, std::move(*generation), interrupts, write_now);
  if (!reply) return std::unexpected(reply.error());
  if (!reply->text.ends_with('\n')) std::println("");
  write_now("");
  interrupts.release();  // stopping waits for the running step and the disk cache; a second Ctrl-C does not
  if (reply->finish == Finish::none) return Interrupts::exit_code();
  if (flags.engine.verbosity > 0) std::println(stderr, "{}", faint(describe(reply->timings), stderr));
  return kExitOk;
}

}  // namespace

Command add_run(CLI::App& app) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Reply to one prompt and end");
  command->add_option("PROMPT", flags->words, "The prompt; what a pipe brings is appended to it");
  command->add_option("--system", flags->system, "Text that tells the model how to answer")
      ->type_name("TEXT");
  command->add_flag("--raw", flags->raw, "Continue the prompt as it is, without the chat template")
      ->excludes("--system");
  add_reply_options(*command, flags->reply);
  add_engine_flags(*command, flags->engine);
  add_disk_flags(*command, flags->engine);
  command->footer(
      "The reply goes to standard output as it comes; -v prints what it cost on standard error.\n"
      "Exit codes: 0, 1 on an error, 2 on wrong usage, 130 on Ctrl-C, 143 on SIGTERM, 129 on SIGHUP.\n"
      "\n"
      "Examples:\n"
      "  banyan run What is 12 plus 30?\n"
      "  banyan run -m model.gguf \"Summarise this text:\" < text.txt\n"
      "  banyan run --raw -n 40 --temp 0 \"Once upon a time\"");
  return {command, [flags] { return run(*flags); }};
}

}  // namespace banyan::cli
