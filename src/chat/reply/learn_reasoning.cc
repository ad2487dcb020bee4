#include "chat/reply/learn_reasoning.h"

#include <algorithm>

#include "base/common_prefix.h"
#include "chat/reply/marker.h"

namespace banyan {
namespace {

// "</think>" of "</think>\n\n".
std::string_view first_marker(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return text;
  const std::size_t close = text.find(text.front() == '[' ? ']' : '>');
  return text.substr(0, close == text.npos ? close : close + 1);
}

}  // namespace

ReasoningForm learn_reasoning(const Examples& examples) {
  const std::string plain = examples.reply(false);
  std::string text = examples.reply(true);
  std::string_view after = Examples::kReply;
  if (!text.contains(Examples::kThought)) {  // some templates keep thoughts beside calls only
    text = examples.calls(1, true, false);
    after = Examples::kNames[0];
  }
  const std::size_t thought = text.find(Examples::kThought);
  const std::size_t end = text.find(after, thought == text.npos ? 0 : thought);
  if (thought == text.npos || end == text.npos) return {};
  const std::string_view before = std::string_view(text).substr(0, thought);
  const std::size_t behind = thought + Examples::kThought.size();
  ReasoningForm form;
  form.end = first_marker(std::string_view(text).substr(behind, end - behind));

  const std::string_view header = trimmed(std::string_view(plain).substr(0, plain.find(Examples::kReply)));
  std::string_view begin = before.substr(std::min(before.find_last_of("<["), before.size()));
  // The last marker may be the one that opens every reply.
  const std::string_view marker = first_marker(begin);
  if (header.ends_with(marker)) begin.remove_prefix(marker.size());
  form.begin = trimmed(begin);
  if (form.begin.empty()) {
    const std::string opening = examples.opening();
    form.begin = trimmed(std::string_view(opening).substr(common_prefix(opening, before)));
  }
  return form.begin.empty() || form.end.empty() ? ReasoningForm{} : form;
}

}  // namespace banyan
