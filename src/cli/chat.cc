#include "cli/chat.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <print>
#include <utility>

#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/reply.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kQuote = R"(""")";
/// A Ctrl-C so soon after a reply was meant for the reply.
constexpr auto kLateInterrupt = std::chrono::seconds(1);

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
      reader_(command_hints()),
      options_(std::move(options)),
      conversations_(std::move(system)),
      verbose_(verbose) {}

void Chat::run() {
  // Where no one can stop a reply and go on, Ctrl-C ends the program as it ends any other.
  if (reader_.interactive()) {
    greet(engine_);
  } else {
    interrupts_.release();
  }
  std::string message;
  while (!left_ && read_message(message)) {
    if (trimmed(message).empty()) continue;
    const auto done = message.starts_with('/') ? obey(message) : say(message);
    if (!done) std::println(stderr, "banyan: {}", done.error().message);
  }
}

bool Chat::read_message(std::string& message) {
  for (;;) {
    const auto outcome = reader_.next(message);
    if (outcome == LineReader::Outcome::line) break;
    const bool late = outcome == LineReader::Outcome::end && reader_.interactive() &&
                      Clock::now() - reply_end_ < kLateInterrupt;
    if (outcome == LineReader::Outcome::end && !late) return false;
    if (late) std::println("{}", faint("Ctrl-D or /bye leaves", stdout));
  }
  const std::size_t open = message.find(kQuote);
  const bool quoted = open == 0 || (open != std::string::npos && trimmed(message).starts_with("/system"));
  if (!quoted) return true;
  std::string text = message.substr(open + kQuote.size());
  while (!text.ends_with(kQuote)) {
    std::string line;
    const auto outcome = reader_.next(line, true);
    if (outcome == LineReader::Outcome::end) break;
    if (outcome == LineReader::Outcome::interrupted) {
      message.clear();
      return true;
    }
    text += '\n' + line;
  }
  if (text.ends_with(kQuote)) text.resize(text.size() - kQuote.size());
  message = message.substr(0, open) + std::string(trimmed(text));
  return true;
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
  auto prompt = chat_prompt(engine_, conversation.to_json(), true, nullptr);
  if (!prompt) return std::unexpected(prompt.error());
  auto generation = engine_.submit(make_request(options_, std::move(*prompt)));
  if (!generation) return std::unexpected(generation.error());
  const auto reply = receive(engine_, std::move(*generation), interrupts_, [](std::string_view text) {
    std::print("{}", text);
    std::fflush(stdout);
  });
  std::println("");
  std::fflush(stdout);
  reply_end_ = Clock::now();
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
      "Ctrl-C stops a reply, Ctrl-D leaves. Several lines go between two \"\"\". /help lists the\n"
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
            auto path = model_path(flags->engine);
            if (!path) return std::unexpected(path.error());
            Interrupts interrupts;
            auto engine = start_engine(engine_options(flags->engine, std::move(*path)), interrupts);
            if (!engine) return std::unexpected(engine.error());
            Chat(**engine, interrupts, flags->reply, flags->system, flags->engine.verbosity > 0).run();
            interrupts.release();  // what was said goes to the disk cache; Ctrl-C does not wait for that
            return kExitOk;
          }};
}

}  // namespace banyan::cli
