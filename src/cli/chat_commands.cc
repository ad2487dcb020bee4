#include <cstdio>
#include <print>
#include <utility>

#include "base/trimmed.h"
#include "cli/chat.h"
#include "cli/engine_flags.h"
#include "cli/reply.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

Result<> missing(const char* what) { return fail(Errc::invalid_argument, std::format("say {}", what)); }

}  // namespace

std::span<const Chat::SlashCommand> Chat::slash_commands() {
  static constexpr SlashCommand table[] = {
      {"/help", "", "List these commands", &Chat::help},
      {"/?", "", "The same", &Chat::help},
      {"/new", "[NAME]", "Begin another conversation", &Chat::create},
      {"/fork", "[NAME]", "Go on in a copy of this conversation; they share all that is past", &Chat::fork},
      {"/list", "", "List the conversations", &Chat::list},
      {"/switch", "NAME|NUMBER", "Go to another conversation", &Chat::select},
      {"/retry", "", "Make the last reply again", &Chat::retry},
      {"/clear", "", "Forget what was said in this conversation", &Chat::clear},
      {"/system", "[TEXT]", "Tell the model how to answer, or show what it was told", &Chat::system},
      {"/set", "PARAM VALUE", "Change how replies are made; /show lists the parameters", &Chat::set},
      {"/show", "", "Show the model, the parameters and the cache", &Chat::show},
      {"/cache", "", "Show what is cached as a tree", &Chat::cache},
      {"/save", "FILE", "Write all conversations to a file", &Chat::save},
      {"/load", "FILE", "Read conversations from a file", &Chat::load},
      {"/bye", "", "Leave (as Ctrl-D)", &Chat::leave},
  };
  return table;
}

Result<> Chat::help(std::string_view) {
  for (const SlashCommand& command : slash_commands()) {
    std::println("  {:<22} {}", std::format("{} {}", command.name, command.argument), command.help);
  }
  std::println(R"(  {:<22} {})", R"("""...""")", "A message of several lines");
  std::println("  {:<22} {}", "Ctrl-C", "Stop the reply");
  return {};
}

Result<> Chat::leave(std::string_view) {
  left_ = true;
  return {};
}

Result<> Chat::clear(std::string_view) {
  conversations_.current().messages.clear();
  return {};
}

Result<> Chat::system(std::string_view argument) {
  std::string& text = conversations_.current().system;
  if (argument.empty()) {
    std::println("{}", text.empty() ? "(nothing)" : text);
  } else {
    text = argument;
  }
  return {};
}

Result<> Chat::set(std::string_view argument) {
  const std::size_t space = std::min(argument.find_first_of(" \t"), argument.size());
  const std::string_view name = argument.substr(0, space);
  const std::string_view value = trimmed(argument.substr(space));
  if (value.empty()) return missing("/set PARAM VALUE, such as /set temperature 0.5");
  if (name == "verbose") {
    if (value != "on" && value != "off") return missing("/set verbose on or /set verbose off");
    verbose_ = value == "on";
    return {};
  }
  const Parameter* parameter = find_parameter(name);
  if (!parameter) {
    return fail(Errc::invalid_argument, std::format("there is no parameter '{}'; /show lists them", name));
  }
  auto set = parameter->set(options_, value);
  if (!set) set.error().message = std::format("{}: {}", name, set.error().message);
  return set;
}

Result<> Chat::show(std::string_view) {
  const Engine::Status status = engine_.status();
  std::println("model       {}", describe(engine_.model().info()));
  std::println("file        {}", engine_.model().info().path);
  std::println("context     {} tokens", grouped(static_cast<std::uint64_t>(engine_.options().context)));
  std::println("memory      {} of {}", format_bytes(status.memory_used), format_bytes(status.memory_limit));
  std::println("cache       {} tokens, {}", grouped(status.cache.tokens),
               format_bytes(status.cache.snapshot_bytes));
  if (!engine_.options().disk_cache.empty()) {
    std::println("disk cache  {} tokens, {} of {}", grouped(status.cache.stored_tokens),
                 format_bytes(status.cache.stored_bytes), format_bytes(engine_.options().disk_bytes));
  }
  std::println("parameters");
  for (const Parameter& parameter : parameters()) {
    std::println("  {:<18} {:<8} {}", parameter.name, parameter.get(options_), parameter.help);
  }
  std::println("  {:<18} {:<8} {}", "verbose", verbose_ ? "on" : "off", "Print what each reply cost");
  return {};
}

Result<> Chat::create(std::string_view argument) { return conversations_.add(argument); }

Result<> Chat::fork(std::string_view argument) { return conversations_.fork(argument); }

Result<> Chat::select(std::string_view argument) {
  if (argument.empty()) return missing("/switch and the name or number of a conversation");
  return conversations_.select(argument);
}

Result<> Chat::list(std::string_view) {
  std::size_t number = 0;
  std::size_t total = 0;
  for (const Conversation& conversation : conversations_.all()) {
    std::size_t tokens = 0;
    ChatRequest request = conversation.to_request();
    request.opens_reply = false;
    if (!request.messages.empty()) {
      const auto path = chat_prompt(engine_, request);
      if (!path) return std::unexpected(path.error());
      tokens = path->tokens.size();
    }
    total += tokens;
    std::println("{} {:>3} {:<16} {:>4} messages {:>7} tokens",
                 conversations_.is_current(conversation) ? '*' : ' ', ++number, conversation.name,
                 conversation.messages.size(), grouped(tokens));
  }
  std::println("  {} tokens in all; the cache holds {}", grouped(total),
               grouped(engine_.status().cache.tokens));
  return {};
}

Result<> Chat::retry(std::string_view) {
  auto& messages = conversations_.current().messages;
  if (messages.empty() || messages.back().role != "assistant") return missing("something first");
  Message before = std::move(messages.back());
  messages.pop_back();
  const std::size_t asked = messages.size();
  auto replied = reply();
  if (messages.size() == asked) messages.push_back(std::move(before));
  return replied;
}

Result<> Chat::cache(std::string_view) {
  std::print("{}", engine_.dump_cache_text());
  return {};
}

Result<> Chat::save(std::string_view argument) {
  if (argument.empty()) return missing("/save and the name of a file");
  return conversations_.save(std::string(argument));
}

Result<> Chat::load(std::string_view argument) {
  if (argument.empty()) return missing("/load and the name of a file");
  return conversations_.load(std::string(argument));
}

}  // namespace banyan::cli
