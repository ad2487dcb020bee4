/// `banyan chat`: several conversations with a model in one process.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "banyan/engine.h"
#include "cli/conversations.h"
#include "cli/interrupts.h"
#include "cli/line_reader.h"
#include "cli/reply_options.h"

namespace banyan::cli {

class Chat {
 public:
  /// What a slash command is called and does. `argument` is the rest of the line.
  struct SlashCommand {
    const char* name;
    const char* argument;
    const char* help;
    Result<> (Chat::*run)(std::string_view argument);
  };
  static std::span<const SlashCommand> slash_commands();

  Chat(Engine& engine, Interrupts& interrupts, ReplyOptions options, std::string system, bool verbose);

  /// Reads and answers until the input ends, the user leaves or a signal ends the program. Returns the exit
  /// code.
  int run();

 private:
  /// One message, which may take several lines between """. `is_quoted`: it was, and so is no command.
  LineReader::Outcome read_message(std::string& message, bool& is_quoted);
  /// The lines up to the closing """, after the first of them.
  LineReader::Outcome read_quoted(std::string& text);
  /// Whether a signal has arrived that ends the program, which Ctrl-C does where no one types.
  bool ending();
  Result<> obey(std::string_view line);
  Result<> say(std::string_view text);
  /// Answers the last message of the current conversation.
  Result<> reply();

  // The slash commands, in chat_commands.cc.
  Result<> help(std::string_view argument);
  Result<> leave(std::string_view argument);
  Result<> clear(std::string_view argument);
  Result<> system(std::string_view argument);
  Result<> set(std::string_view argument);
  Result<> show(std::string_view argument);
  Result<> create(std::string_view argument);
  Result<> list(std::string_view argument);
  Result<> select(std::string_view argument);
  Result<> fork(std::string_view argument);
  Result<> retry(std::string_view argument);
  Result<> cache(std::string_view argument);
  Result<> save(std::string_view argument);
  Result<> load(std::string_view argument);

  Engine& engine_;
  Interrupts& interrupts_;
  LineReader reader_;
  ReplyOptions options_;
  Conversations conversations_;
  bool verbose_;
  bool left_ = false;
};

}  // namespace banyan::cli
