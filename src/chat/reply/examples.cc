#include "chat/reply/examples.h"

#include <algorithm>
#include <utility>

namespace banyan {
namespace {

constexpr std::string_view kUserText = "Where is the copper kettle?";

}  // namespace

std::vector<Tool> Examples::tools() {
  const Json parameters = {{"type", "object"},
                           {"properties",
                            {{std::string(kKeys[0]), {{"type", "string"}, {"description", "A text."}}},
                             {std::string(kKeys[1]), {{"type", "integer"}, {"description", "A number."}}}}},
                           {"required", {std::string(kKeys[0]), std::string(kKeys[1])}}};
  std::vector<Tool> tools;
  for (const std::string_view name : kNames) {
    tools.push_back({.name = std::string(name), .description = "Some tool.", .parameters = parameters});
  }
  return tools;
}

std::string Examples::id(int call, bool numbered) {
  const std::string number = std::to_string(call);
  return numbered ? "functions." + std::string(kNames[call]) + ":" + number : "callwxyz" + number;
}

std::string Examples::arguments() {
  const Json arguments = {{std::string(kKeys[0]), std::string(kText)},
                          {std::string(kKeys[1]), Json::parse(kNumber)}};
  return arguments.dump();
}

std::string Examples::behind_user(ChatRequest request) const {
  request.messages.insert(request.messages.begin(),
                          {.role = Role::user, .content = {{.text = std::string(kUserText)}}});
  request.tools = tools();
  request.reasoning.enabled = true;
  std::string text = render_(request);
  const std::size_t found = text.rfind(kUserText);
  return found == text.npos ? "" : text.substr(found + kUserText.size());
}

std::string Examples::opening() const { return behind_user({}); }

std::string Examples::reply(bool with_thought) const {
  Message reply{.role = Role::assistant, .content = {{.text = std::string(kReply)}}};
  if (with_thought) reply.reasoning = kThought;
  ChatRequest request;
  request.messages.push_back(std::move(reply));
  request.opens_reply = false;
  return behind_user(std::move(request));
}

std::string Examples::calls(int count, bool with_thought, bool numbered_ids) const {
  Message reply{.role = Role::assistant};
  if (with_thought) reply.reasoning = kThought;
  for (int i = 0; i < count; ++i) {
    reply.calls.push_back({id(i, numbered_ids), std::string(kNames[i]), arguments()});
  }
  ChatRequest request;
  request.messages.push_back(std::move(reply));
  request.opens_reply = false;
  return behind_user(std::move(request));
}

std::size_t common_end(std::string_view a, std::string_view b) {
  std::size_t count = 0;
  while (count < std::min(a.size(), b.size()) && a[a.size() - 1 - count] == b[b.size() - 1 - count]) ++count;
  return count;
}

std::string_view without_cut_marker(std::string_view text) {
  const std::size_t open = text.find_last_of("<[");
  if (open == text.npos) return text;
  const char close = text[open] == '<' ? '>' : ']';
  return text.find(close, open) == text.npos ? text.substr(0, open) : text;
}

}  // namespace banyan
