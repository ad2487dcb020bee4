#include "chat/reply/learn_calls.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/common_prefix.h"
#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"

namespace banyan {
namespace {

constexpr auto npos = std::string_view::npos;

/// From where on a form says how a call is written, to where its arguments end.
struct Core {
  std::size_t begin = 0, end = 0;
};

std::string_view between(std::string_view text, std::size_t begin, std::size_t end) {
  return text.substr(begin, end - begin);
}

// Behind the JSON value that begins at `begin`, or npos.
std::size_t json_end(std::string_view text, std::size_t begin) {
  JsonSpan span;
  for (std::size_t i = begin; i < text.size(); ++i) {
    switch (span.take(text[i])) {
      case JsonSpan::Step::more:
        break;
      case JsonSpan::Step::done:
        return i + 1;
      case JsonSpan::Step::past:
      case JsonSpan::Step::failed:
        return npos;
    }
  }
  return npos;
}

bool are_arguments(const Json& value) {
  static const Json kArguments = Json::parse(Examples::arguments());
  if (value.is_string())
    return are_arguments(Json::parse(value.get_ref<const std::string&>(), nullptr, false));
  // Some templates sort them.
  return value.is_object() && nlohmann::json(value) == nlohmann::json(kArguments);
}

class CallLearner {
 public:
  CallLearner(std::string_view text, std::string_view id) : text_(text), id_(id) {}

  // The first call's core, in the first of these forms that it has.
  std::optional<Core> learn() {
    const std::size_t name = text_.find(Examples::kNames[0]);
    if (name == npos) return std::nullopt;
    if (const auto core = members(name)) return core;
    const std::size_t name_end = name + Examples::kNames[0].size();
    if (const auto end = json(name_end)) return Core{name, *end};
    if (const auto end = pairs(name_end)) return Core{name, *end};
    return std::nullopt;
  }

  CallForm form;

 private:
  // A JSON object with name and arguments among its members.
  std::optional<Core> members(std::size_t name) {
    for (std::size_t begin = text_.find('{'); begin < name; begin = text_.find('{', begin + 1)) {
      const std::size_t end = json_end(text_, begin);
      if (end == npos) continue;
      const Json object = Json::parse(between(text_, begin, end), nullptr, false);
      if (!object.is_object()) continue;
      std::string name_key, arguments_key;
      for (const auto& [key, value] : object.items()) {
        if (value == Examples::kNames[0]) name_key = key;
        if (are_arguments(value)) arguments_key = key;
        // An id of the request's, or of the template's own.
        if (value == id_ || (value.is_string() && key.ends_with("id"))) form.id_key = key;
      }
      if (name_key.empty() || arguments_key.empty()) continue;
      form.arguments = CallForm::Arguments::members;
      form.name_key = name_key;
      form.arguments_key = arguments_key;
      return Core{begin, end};
    }
    return std::nullopt;
  }

  std::optional<std::size_t> json(std::size_t name_end) {
    const std::size_t begin = text_.find('{', name_end);
    if (begin == npos) return std::nullopt;
    const std::size_t end = json_end(text_, begin);
    if (end == npos || !are_arguments(Json::parse(between(text_, begin, end), nullptr, false))) {
      return std::nullopt;
    }
    form.arguments = CallForm::Arguments::json;
    form.name_end = between(text_, name_end, begin);
    return end;
  }

  // Each key in front of its value.
  std::optional<std::size_t> pairs(std::size_t name_end) {
    const std::size_t key = text_.find(Examples::kKeys[0], name_end);
    const std::size_t value = key == npos ? npos : text_.find(Examples::kText, key);
    const std::size_t second_key = value == npos ? npos : text_.find(Examples::kKeys[1], value);
    const std::size_t number = second_key == npos ? npos : text_.find(Examples::kNumber, second_key);
    if (number == npos) return std::nullopt;
    const std::string_view before = between(text_, name_end, key);
    const std::string_view inner = between(text_, key + Examples::kKeys[0].size(), value);
    const std::string_view middle = between(text_, value + Examples::kText.size(), second_key);
    const std::string_view second_inner = between(text_, second_key + Examples::kKeys[1].size(), number);
    const std::size_t end = number + Examples::kNumber.size();
    if (literals(before, inner, middle)) {
      return end < text_.size() && text_[end] == form.close ? std::optional(end + 1) : std::nullopt;
    }
    return tagged(before, inner, middle, second_inner, text_.substr(end)) ? std::optional(end) : std::nullopt;
  }

  bool literals(std::string_view before, std::string_view inner, std::string_view middle) {
    const bool has_braces = before == "{";
    if (!has_braces && before != "(") return false;
    if (inner.size() < 2 || (inner[0] != ':' && inner[0] != '=')) return false;
    const std::string_view quote = trimmed(inner.substr(1));
    if (quote.empty() || !middle.starts_with(quote)) return false;
    form.arguments = CallForm::Arguments::literals;
    form.open = before[0];
    form.close = has_braces ? '}' : ')';
    form.assign = inner[0];
    if (quote != "'" && quote != "\"") form.quote = quote;
    return true;
  }

  bool tagged(std::string_view before, std::string_view inner, std::string_view middle,
              std::string_view second_inner, std::string_view after) {
    const std::string_view common = before.substr(before.size() - common_end(before, middle));
    const std::size_t tag = common.find_last_of("<[");
    if (tag == npos) return false;
    form.arguments = CallForm::Arguments::tagged;
    if (const std::size_t key = middle.find(Examples::kKeys[0]); key != npos) {
      return nested(before, inner, middle.substr(0, key), middle.substr(key + Examples::kKeys[0].size()));
    }
    form.key_begin = common.substr(tag);
    form.name_end = before.substr(0, before.size() - form.key_begin.size());
    const std::string_view closing = middle.substr(0, middle.size() - form.key_begin.size());
    const std::string_view value_end = without_cut_marker(closing.substr(0, common_prefix(closing, after)));
    form.value_end = value_end.substr(0, value_end.find_last_not_of(" \n") + 1);
    form.key_separator = closing.substr(form.value_end.size());
    form.key_end = inner;
    if (inner != second_inner) {
      // Between words alone that differ is a type.
      const auto is_word_byte = [](char c) { return c >= 'a' && c <= 'z'; };
      std::size_t begin = common_prefix(inner, second_inner);
      while (begin > 0 && is_word_byte(inner[begin - 1])) --begin;
      std::size_t end = inner.size() - common_end(inner, second_inner);
      while (end < inner.size() && is_word_byte(inner[end])) ++end;
      if (begin >= end) return false;
      form.key_end = inner.substr(0, begin);
      form.text_type = between(inner, begin, end);
      form.type_end = inner.substr(end);
    }
    const std::string_view key_end = form.type_end.empty() ? form.key_end : form.type_end;
    // Some templates write only the second line break, and ask for both.
    form.values_on_lines = form.value_end.starts_with('\n');
    return !trimmed(form.value_end).empty() && !trimmed(form.key_end).empty() && !trimmed(key_end).empty();
  }

  // Where the key comes again behind its value, between `closing` and `rest`.
  bool nested(std::string_view before, std::string_view inner, std::string_view closing,
              std::string_view rest) {
    if (!rest.starts_with(inner) || !closing.ends_with("</")) return false;
    form.keys_end_values = true;
    form.key_end = inner;
    form.value_end = closing;
    form.key_begin = closing.substr(0, closing.size() - 1);
    if (!before.ends_with(form.key_begin) || !rest.ends_with(form.key_begin)) return false;
    form.name_end = before.substr(0, before.size() - form.key_begin.size());
    form.key_separator = between(rest, inner.size(), rest.size() - form.key_begin.size());
    return !trimmed(form.key_end).empty();
  }

  std::string_view text_, id_;
};

// A word between the name and its end: the call's id, or its number. Ids may be ours, or nine digits that
// stand for them.
void split_word(CallForm& form, std::string_view id) {
  if (form.arguments == CallForm::Arguments::members) return;
  const std::string all = form.name_end;
  std::size_t begin = all.find(id), size = id.size();
  if (begin == npos) {
    begin = std::min(all.find_first_of("0123456789"), all.size());
    size = std::min(all.find_first_not_of("0123456789", begin), all.size()) - begin;
  }
  if (size == 0 || begin + size == all.size()) return;
  form.word = size < 9 ? CallForm::Word::number : CallForm::Word::id;
  form.name_end = all.substr(0, begin);
  form.word_end = all.substr(begin + size);
  constexpr std::string_view kFunctions = "functions.";
  if (form.name_end == ":" && form.begin.ends_with(kFunctions)) form.id_begin = kFunctions;
}

// Of a common end, what is whole markers; `all` of it may be kept.
std::string_view whole_markers(std::string_view text, bool all) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  if (all || text.empty()) return text;
  const std::size_t begin = text.find_first_of("<[");
  if (begin == npos) return {};
  // With this one a marker of Kimi K3 ends that began before.
  constexpr std::string_view kEnd = "<|sep|>";
  return text.substr(text.substr(begin).starts_with(kEnd) ? begin + kEnd.size() : begin);
}

// Whether the text ends with the id of an example's call: ours, or nine digits that stand for it.
bool ends_with_id(std::string_view text) {
  constexpr std::size_t kSize = 9;
  if (text.size() <= kSize) return false;
  const auto is_of_id = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
  const std::string_view id = text.substr(text.size() - kSize);
  return std::ranges::all_of(id, is_of_id) && id.find_first_of("0123456789") != npos &&
         !is_of_id(text[text.size() - kSize - 1]);
}

// Where each call's id stands in front of its name, what is in front of the id is the call's beginning.
void split_id_in_front(CallForm& form) {
  constexpr std::size_t kSize = 9;
  if (form.arguments == CallForm::Arguments::members) return;
  std::string& first = form.section_begin;
  std::string& other = form.separator;
  if (!ends_with_id(first) || !ends_with_id(other)) return;
  first.resize(first.size() - kSize);
  other.resize(other.size() - kSize);
  form.name_begin = std::exchange(
      form.begin,
      whole_markers(std::string_view(first).substr(first.size() - common_end(first, other)), false));
  first.resize(first.size() - form.begin.size());
  other.resize(other.size() - form.begin.size());
  if (first.empty()) form.section_end.clear();
}

// A silent marker in front, with blanks; "" for none.
std::string_view silent_in_front(std::string_view text, const ReplyForm& form) {
  const std::size_t begin = std::min(text.find_first_not_of(" \n"), text.size());
  for (const std::string_view marker : form.silent.all()) {
    const std::string_view word = trimmed(marker);
    if (!word.empty() && text.substr(begin).starts_with(word)) return text.substr(0, begin + word.size());
  }
  return {};
}

// Without what belongs to no call: an empty thought, and silent markers.
std::string_view without_silent(std::string_view text, const ReplyForm& form) {
  while (true) {
    if (const std::string_view silent = silent_in_front(text, form); !silent.empty()) {
      text.remove_prefix(silent.size());
      continue;
    }
    if (form.reasoning.end.empty()) return text;
    if (!text.substr(std::min(text.find_first_not_of(" \n"), text.size()))
             .starts_with(form.reasoning.begin)) {
      return text;
    }
    const std::size_t end = text.find(form.reasoning.end);
    if (end == npos) return text;
    text.remove_prefix(end + form.reasoning.end.size());
  }
}

// What stands behind the last call, without what stands behind every reply.
std::string_view without_reply_end(std::string_view text, std::string_view reply_end, const ReplyForm& form) {
  while (!text.ends_with(reply_end)) {
    const std::string_view silent = silent_in_front(reply_end, form);
    if (silent.empty()) return text;
    reply_end.remove_prefix(silent.size());
  }
  return text.substr(0, text.size() - reply_end.size());
}

class FormLearner {
 public:
  FormLearner(const Examples& examples, const ReplyForm& form, bool numbered_ids)
      : examples_(examples), known_(form), numbered_ids_(numbered_ids), reply_(examples.reply(false)) {}

  std::optional<CallForm> learn() {
    const std::string one = render(1);
    const std::string id = Examples::id(0, numbered_ids_);
    CallLearner learner(one, id);
    const std::optional<Core> core = learner.learn();
    if (!core || core->begin < header_size(one)) return std::nullopt;
    CallForm form = std::move(learner.form);
    const std::string two = render(2);
    const std::size_t first_end = core->end;
    const bool repeats = std::string_view(two).starts_with(std::string_view(one).substr(0, first_end));
    const std::size_t second = repeats ? begin_of_second(two, form, first_end) : npos;
    // Where a second call has a message of its own, its header comes again.
    const std::string_view header = trimmed(std::string_view(one).substr(0, header_size(one)));
    form.is_single = second == npos || (!header.empty() && between(two, first_end, second).contains(header));
    if (form.is_single) {
      learn_alone(one, *core, form);
    } else {
      learn_pair(two, *core, second, form);
    }
    if (form.arguments == CallForm::Arguments::tagged) {
      std::string value_end = form.value_end;
      if (form.keys_end_values) value_end += std::string(Examples::kKeys[1]) + form.key_end;
      if (!form.end.starts_with(value_end)) return std::nullopt;
      form.end.erase(0, value_end.size());
    }
    if (trimmed(form.section_begin).empty()) {
      form.section_begin.clear();
      form.section_end.clear();  // what ends a turn of calls alone
    }
    if (trimmed(form.begin).empty() && form.section_begin.empty()) form.end.clear();
    split_word(form, id);
    split_id_in_front(form);
    return form;
  }

 private:
  std::string render(int count) const { return examples_.calls(count, false, numbered_ids_); }

  // What opens replies of text and of calls alike.
  std::size_t header_size(std::string_view text) const {
    const std::string_view reply = std::string_view(reply_).substr(0, reply_.find(Examples::kReply));
    return without_cut_marker(text.substr(0, common_prefix(reply, text))).size();
  }
  std::string_view reply_end() const {
    const std::size_t reply = reply_.find(Examples::kReply);
    return reply == npos ? std::string_view()
                         : std::string_view(reply_).substr(reply + Examples::kReply.size());
  }
  std::string_view before(std::string_view text, const Core& core) const {
    const std::size_t header = header_size(text);
    return without_silent(between(text, header, core.begin), known_);
  }

  // Where the second call's core begins.
  static std::size_t begin_of_second(std::string_view two, const CallForm& form, std::size_t first_end) {
    const std::size_t name = two.find(Examples::kNames[1], first_end);
    if (name == npos || form.arguments != CallForm::Arguments::members) return name;
    const std::size_t brace = two.rfind('{', name);
    return brace == npos || brace < first_end ? npos : brace;
  }
  // Where the core ends that begins there.
  static std::size_t end_of_second(std::string_view two, const CallForm& form, std::size_t begin) {
    switch (form.arguments) {
      case CallForm::Arguments::members:
      case CallForm::Arguments::json: {
        const std::size_t brace = two.find('{', begin);
        return brace == npos ? npos : json_end(two, brace);
      }
      case CallForm::Arguments::tagged:
      case CallForm::Arguments::literals: {
        const std::size_t number = two.find(Examples::kNumber, begin);
        if (number == npos) return npos;
        return number + Examples::kNumber.size() + (form.arguments == CallForm::Arguments::literals);
      }
    }
    std::unreachable();
  }

  void learn_alone(std::string_view one, const Core& core, CallForm& form) const {
    form.begin = before(one, core);
    form.begin.erase(0, form.begin.find_first_not_of(" \n"));
    form.end = without_reply_end(one.substr(core.end), reply_end(), known_);
  }

  void learn_pair(std::string_view two, const Core& core, std::size_t second, CallForm& form) const {
    const std::string_view middle = between(two, core.end, second);
    const std::size_t common = common_end(two.substr(0, core.begin), middle);
    const std::string_view begin =
        whole_markers(middle.substr(middle.size() - common), common == middle.size());
    const std::string_view front = before(two, core);
    form.begin = begin;
    form.section_begin = front.size() >= begin.size() ? front.substr(0, front.size() - begin.size()) : "";
    form.section_begin.erase(0, form.section_begin.find_first_not_of(" \n"));
    // Behind the second call's core stands what stands behind the first's, and then the section's end.
    const std::size_t second_end = end_of_second(two, form, second);
    if (second_end == npos) return;
    const std::string_view after = without_reply_end(two.substr(second_end), reply_end(), known_);
    const std::string_view inner = middle.substr(0, middle.size() - begin.size());
    const std::string_view end = without_cut_marker(inner.substr(0, common_prefix(inner, after)));
    form.end = end.substr(0, end.find_last_not_of(" \n") + 1);
    form.separator = inner.substr(form.end.size());
    form.section_end = after.substr(form.end.size());
  }

  const Examples& examples_;
  const ReplyForm& known_;
  bool numbered_ids_;
  std::string reply_;
};

}  // namespace

std::optional<CallForm> learn_calls(const Examples& examples, const ReplyForm& form) {
  for (const bool numbered_ids : {false, true}) {
    if (auto call = FormLearner(examples, form, numbered_ids).learn()) return call;
  }
  return std::nullopt;
}

}  // namespace banyan
