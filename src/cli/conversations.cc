#include "cli/conversations.h"

#include <algorithm>
#include <format>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "cli/text.h"
#include "store/disk/whole_file.h"

namespace banyan::cli {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// OpenAI's array of messages, the system's first.
Json to_json(const Conversation& conversation) {
  Json json = Json::array();
  if (!conversation.system.empty()) json.push_back({{"role", "system"}, {"content", conversation.system}});
  for (const Message& message : conversation.messages) {
    json.push_back({{"role", message.role}, {"content", message.content}});
  }
  return json;
}

/// Throws nlohmann's exceptions where the JSON is not what to_json() makes.
Conversation from_json(const Json& json) {
  Conversation conversation{.name = json.at("name").get<std::string>(), .system = {}, .messages = {}};
  for (const Json& message : json.at("messages")) {
    auto role = message.at("role").get<std::string>();
    auto content = message.at("content").get<std::string>();
    if (role == "system" && conversation.messages.empty()) {
      conversation.system = std::move(content);
    } else {
      conversation.messages.push_back({std::move(role), std::move(content)});
    }
  }
  return conversation;
}

}  // namespace

ChatRequest Conversation::to_request() const {
  ChatRequest request;
  if (!system.empty()) request.messages.push_back({.role = Role::system, .content = {{.text = system}}});
  for (const Message& message : messages) {
    request.messages.push_back({.role = message.role == "assistant" ? Role::assistant : Role::user,
                                .content = {{.text = message.content}}});
  }
  return request;
}

Conversations::Conversations(std::string system) {
  all_.push_back({.name = "main", .system = std::move(system), .messages = {}});
}

std::vector<Conversation>::iterator Conversations::find(std::string_view name) {
  return std::ranges::find_if(all_, [&](const Conversation& c) { return c.name == name; });
}

Result<> Conversations::add_copy(Conversation conversation, std::string_view name, std::string_view stem) {
  conversation.name = name;
  for (int number = 2; conversation.name.empty() || (name.empty() && find(conversation.name) != all_.end());
       ++number) {
    conversation.name = std::format("{}-{}", stem, number);
  }
  if (is_number(name)) return fail(Errc::invalid_argument, "a name that is a number would be taken for one");
  if (find(conversation.name) != all_.end()) {
    return fail(Errc::invalid_argument, std::format("there is a conversation '{}' already", name));
  }
  all_.push_back(std::move(conversation));
  current_ = all_.size() - 1;
  return {};
}

Result<> Conversations::add(std::string_view name) {
  return add_copy({.name = {}, .system = current().system, .messages = {}}, name, "chat");
}

Result<> Conversations::fork(std::string_view name) {
  return add_copy(current(), name, std::string(current().name));
}

Result<> Conversations::select(std::string_view name_or_number) {
  if (is_number(name_or_number)) {
    const auto number = parse_integer(name_or_number, 1, static_cast<std::int64_t>(all_.size()));
    if (!number) return std::unexpected(number.error());
    current_ = static_cast<std::size_t>(*number) - 1;
    return {};
  }
  const auto found = find(name_or_number);
  if (found == all_.end()) {
    return fail(Errc::invalid_argument, std::format("there is no conversation '{}'", name_or_number));
  }
  current_ = static_cast<std::size_t>(found - all_.begin());
  return {};
}

Result<> Conversations::save(const std::string& path) const {
  Json json = {{"current", all_[current_].name}, {"conversations", Json::array()}};
  for (const Conversation& conversation : all_) {
    json["conversations"].push_back({{"name", conversation.name}, {"messages", to_json(conversation)}});
  }
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
  const auto file = write_whole_file(system_files(), path, std::as_bytes(std::span(text)), {});
  if (!file) return std::unexpected(file.error());
  return {};
}

Result<> Conversations::load(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Errc::io, std::format("cannot read {}", path));
  try {
    const Json json = Json::parse(file);
    std::vector<Conversation> loaded;
    for (const Json& conversation : json.at("conversations")) loaded.push_back(from_json(conversation));
    const auto current_name = json.at("current").get<std::string>();
    for (Conversation& conversation : loaded) {
      const auto same = find(conversation.name);
      if (same == all_.end()) {
        all_.push_back(std::move(conversation));
      } else {
        *same = std::move(conversation);
      }
    }
    return select(current_name);
  } catch (const Json::parse_error& error) {
    return fail(Errc::corrupt,
                std::format("{} holds no saved conversations, or not all of them: it is no JSON "
                            "from byte {} on",
                            path, error.byte));
  } catch (const Json::exception&) {
    return fail(Errc::corrupt, std::format("{} holds no saved conversations", path));
  }
}

}  // namespace banyan::cli
