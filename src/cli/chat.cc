#include "cli/chat.h"

#include <csignal>
#include <cstdio>
#include <memory>
#include <print>
#include <utility>

#include "base/trimmed.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

constexpr std::string_view kQuote = R"(""")";

// Whether a message is meant as a command, and not the name of a file that it begins with.
bool is_command(std::string_view message) {
  if (!message.starts_with('/')) return false;
  const std::size_t end = std::min(message.find_first_of(" \t\n"), message.size());
  return message.substr(1, end - 1).find('/') == std::string_view::npos;
}

std::vector<CommandHint> command_hints() {
  std::vector<CommandHint> hints;
  for (const Chat::SlashCommand& command : Chat::slash_commands()) {
    hints.push_back({command.name, command.help});
  }
  return hints;
}

void greet(const Engine& engine) {
  std::println("{}", strong(describe(engine.model().info()), stdout));
  std::println("{}", faint(std::format("context {} tokens, memory budget {}; /help lists the commands",
                                       grouped(static_cast<std::uint64_t>(engine.options().context)),
                                       format_bytes(engine.options().memory_bytes)),
                           stdout));
}

}  // namespace

Chat::Chat(Engine& engine, Interrupts& interrupts, ReplyOptions options, std::string system, bool verbose)
    : engine_(engine),
      interrupts_(interrupts),
      reader_(command_hints(), interrupts),
      options_(std::move(options)),
      conversations_(std::move(system)),
      verbose_(verbose) {}

int Chat::run() {
  using Outcome = LineReader::Outcome;
  if (reader_.interactive()) greet(engine_);
  std::string message;
  bool is_quoted = false;
  while (!left_ && !ending()) {
    interrupts_.forget();  // a Ctrl-C that came late was meant for the reply
    const Outcome outcome = read_message(message, is_quoted);
    if (outcome == Outcome::hung_up) return 128 + SIGHUP;
    if (outcome == Outcome::end) return kExitOk;
    if (outcome == Outcome::interrupted) {
      if (message.empty() && !ending()) std::println("{}", faint("Ctrl-D or /bye leaves", stdout));
      continue;
    }
    if (trimmed(message).empty()) continue;
    const auto done = is_quoted || !is_command(message) ? say(message) : obey(message);
    if (!done) std::println(stderr, "banyan: {}", done.error().message);
  }
  return left_ ? kExitOk : Interrupts::exit_code();
}

bool Chat::ending() { return interrupts_.ending() || (!reader_.interactive() && interrupts_.raised()); }

LineReader::Outcome Chat::read_message(std::string& message, bool& is_quoted) {
  is_quoted = false;
  const auto outcome = reader_.next(message);
  if (outcome != LineReader::Outcome::line) return outcome;
  const std::size_t open = message.find(kQuote);
  const bool quoted = open == 0 || (open != std::string::npos && trimmed(message).starts_with("/system"));
  // What was pasted is whole, though it may begin with a string of a program.
  const bool is_whole = message.contains('\n') && !message.ends_with(kQuote);
  if (!quoted || is_whole) return outcome;
  is_quoted = open == 0;
  std::string text = message.substr(open + kQuote.size());
  const auto end = read_quoted(text);
  message = message.substr(0, open) + std::string(trimmed(text));
  // What is open at the end of the input is taken as it is.
  return end == LineReader::Outcome::end ? LineReader::Outcome::line : end;
}

LineReader::Outcome Chat::read_quoted(std::string& text) {
  while (!text.ends_with(kQuote)) {
    std::string line;
    const auto outcome = reader_.next(line, true);
    if (outcome != LineReader::Outcome::line) return outcome;
    text += '\n' + line;
  }
  text.resize(text.size() - kQuote.size());
  return LineReader::Outcome::line;
}

Result<> Chat::obey(std::string_view line) {
  line = trimmed(line);
  const std::size_t space = std::min(line.find_first_of(" \t\n"), line.size());
  const std::string_view name = line.substr(0, space);
  for (const SlashCommand& command : slash_commands()) {
    if (name == command.name) return (this->*command.run)(trimmed(line.substr(space)));
  }
  return fail(Errc::invalid_argument, std::format("there is no command {}; /help lists them", name));
}

Result<> Chat::say(std::string_view text) {
  auto& messages = conversations_.current().messages;
  messages.push_back({"user", std::string(text)});
  const std::size_t asked = messages.size();
  auto replied = reply();
  // A question without any answer would leave two of the user's messages in a row.
  if (messages.size() == asked) messages.pop_back();
  return replied;
}

Result<> Chat::reply() {
  interrupts_.forget();
  Conversation& conversation = conversations_.current();
  auto prompt = chat_prompt(engine_, conversation.to_request());
  if (!prompt) return std::unexpected(prompt.error());
  auto generation = engine_.submit(make_request(options_, std::move(*prompt)));
  if (!generation) return std::unexpected(generation.error());
  const auto reply =
      receive(engine_, std::move(*generation), interrupts_, write_now, [this] { reader_.collect(); });
  write_now("\n");
  if (interrupts_.raised()) reader_.drop_typed();  // as a terminal drops it on Ctrl-C
  if (!reply) return std::unexpected(reply.error());
  if (!reply->text.empty()) conversation.messages.push_back({"assistant", reply->text});
  if (reply->finish == Finish::length) std::println(stderr, "{}", faint("(cut off: no more tokens)", stderr));
  if (verbose_) std::println(stderr, "{}", faint(describe(reply->timings), stderr));
  return {};
}

Command add_chat(CLI::App& app) {
  struct Flags {
    EngineFlags engine;
    ReplyOptions reply;
    std::string system;
    std::string model;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* chat = app.add_subcommand("chat", "Talk to a model, in one conversation or several");
  chat->add_option("MODEL", flags->model, "GGUF file, as -m");
  chat->add_option("--system", flags->system, "Text that tells the model how to answer")->type_name("TEXT");
  add_reply_options(*chat, flags->reply);
  add_engine_flags(*chat, flags->engine);
  add_disk_flags(*chat, flags->engine);
  chat->footer(
      "Ctrl-C stops a reply, Ctrl-D leaves. A pasted text is one message; other messages of several\n"
      "lines go between two \"\"\". What is typed during a reply is answered after it. /help lists the\n"
      "commands: conversations can be made, forked, switched and saved, and share what they have in\n"
      "common. Input from a pipe is answered line by line. -v prints what each reply cost.\n"
      "\n"
      "Examples:\n"
      "  banyan chat\n"
      "  banyan chat model.gguf --ctx 16384 --memory 8GiB\n"
      "  printf 'My dog is called Foo.\\nWhat is my dog called?\\n' | banyan chat --temp 0");
  return {chat, [flags]() -> Result<int> {
            if (!flags->model.empty()) flags->engine.model = flags->model;
            set_up_log(flags->engine.verbosity);
            warn_of_empty_replies(flags->reply);
            auto path = model_path(flags->engine);
            if (!path) return std::unexpected(path.error());
            Interrupts interrupts;
            auto engine = start_engine(engine_options(flags->engine, std::move(*path)), interrupts);
            if (!engine) return std::unexpected(engine.error());
            const int code =
                Chat(**engine, interrupts, flags->reply, flags->system, flags->engine.verbosity > 0).run();
            interrupts.release();  // what was said goes to the disk cache; Ctrl-C does not wait for that
            return code;
          }};
}

}  // namespace banyan::cli
