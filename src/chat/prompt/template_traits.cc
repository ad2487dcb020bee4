#include "chat/prompt/template_traits.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/common_prefix.h"
#include "chat/prompt/described_tools.h"
#include "chat/prompt/template_variables.h"

namespace banyan {
namespace {

// What is looked for in the examples' prompts: words that no template has of itself.
constexpr const char* kSystem = "needle-of-the-system";
constexpr const char* kUser = "needle-of-the-user";
constexpr const char* kReply = "needle-of-the-reply";
constexpr const char* kMore = "needle-of-more";
constexpr const char* kThought = "needle-of-the-thought";
constexpr const char* kResult = "needle-of-the-result";
constexpr const char* kTool = "needle_tool";
constexpr const char* kKey = "needle_key";
constexpr const char* kValue = "needle-of-the-value";
constexpr const char* kOtherValue = "needle-of-another-value";
constexpr const char* kBroken = "needle-that-is-no-json";

Message says(Role role, std::vector<TextPart> content) {
  return {.role = role, .content = std::move(content)};
}
Message says(Role role, const char* text) { return says(role, {{.text = text}}); }

ToolCall call(const char* id, const std::string& value) {
  return {.id = id, .name = kTool, .arguments = Json{{kKey, value}}.dump()};
}

Message calls(std::vector<ToolCall> all) {
  Message message = {.role = Role::assistant};
  message.calls = std::move(all);
  return message;
}

Message result(std::vector<TextPart> content) {
  Message message = says(Role::tool, std::move(content));
  message.call_id = "1";
  return message;
}

Tool example_tool() {
  return {.name = kTool,
          .description = "An example.",
          .parameters = {{"type", "object"},
                         {"properties", {{kKey, {{"type", "string"}, {"description", "A value."}}}}},
                         {"required", Json::array({kKey})}}};
}

// A little of what stands before a needle.
std::string before(const std::string& text, std::string_view needle) {
  const std::size_t end = text.find(needle);
  if (end == std::string::npos) return "";
  const std::size_t begin = end - std::min(end, std::size_t{8});
  return text.substr(begin, end - begin);
}

// Whether a text holds all of these.
bool holds(std::string_view text, std::initializer_list<std::string_view> needles) {
  return std::ranges::all_of(needles, [&](std::string_view needle) { return text.contains(needle); });
}

// What is left of a text without the stretch from one needle to the end of another.
std::string without(const std::string& text, std::string_view first, std::string_view last) {
  const std::size_t begin = text.find(first);
  const std::size_t end = text.rfind(last);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return text;
  return text.substr(0, begin) + text.substr(end + last.size());
}

// Whether an array of parts was printed as it is: with the name of what a part holds.
bool is_raw(std::string_view text, const std::string& name) {
  return text.contains("'" + name + "'") || text.contains('"' + name + '"');
}

class Finder {
 public:
  explicit Finder(const TryRender& render) : render_(render) {}

  TemplateTraits find() {
    find_variables();
    find_content(Role::user, [](auto parts) { return Messages{says(Role::user, std::move(parts))}; });
    find_systems();
    find_content(Role::assistant, [](auto parts) {
      return Messages{says(Role::user, kUser), says(Role::assistant, std::move(parts)),
                      says(Role::user, kMore)};
    });
    find_rows();
    find_tools();
    find_calls();
    find_results();
    find_call_example();
    find_thoughts();
    find_text_beside_calls();
    find_efforts();
    return traits_;
  }

 private:
  using Messages = std::vector<Message>;

  std::string shown(const Messages& messages, bool with_tools = false) const {
    if (with_tools && !traits_.tools) return "";
    ChatRequest request = {.messages = messages, .opens_reply = false};
    if (with_tools) request.tools = {example_tool()};
    return render_(traits_, request);
  }
  // The prompt behind what the user says, without tools where the template shows these needles then.
  std::string shown_behind(const Messages& messages, std::initializer_list<std::string_view> needles) const {
    std::string behind;
    for (const bool with_tools : {false, true}) {
      const std::string text = shown(messages, with_tools);
      behind = text.substr(std::min(text.rfind(kUser), text.size()));
      if (holds(behind, needles)) break;
    }
    return behind;
  }
  bool shows(const Messages& messages, std::initializer_list<std::string_view> needles) const {
    return holds(shown(messages), needles) || holds(shown(messages, true), needles);
  }

  // What the template cannot do without.
  void find_variables() {
    for (const bool has_functions : {false, true}) {
      for (const bool is_null : {true, false}) {
        traits_.functions_text = has_functions;
        traits_.null_tools = is_null;
        for (const ContentForm form : {ContentForm::text, ContentForm::parts}) {
          traits_.content_of(Role::user) = form;
          const bool is_shown = shown({says(Role::user, kUser)}).contains(kUser);
          traits_.content_of(Role::user) = {};
          if (is_shown) return;
        }
      }
    }
    traits_ = {};
  }

  // Gives a trait up where the template shows what it should only without it.
  void give_up_if_better(bool TemplateTraits::* trait, const Messages& messages,
                         std::initializer_list<std::string_view> needles) {
    if (shows(messages, needles)) return;
    traits_.*trait = false;
    traits_.*trait = !shows(messages, needles);
  }

  // Returns whether the template shows a role's content in any form.
  template <class Example>
  bool find_content(Role role, const Example& example) {
    ContentForm& form = traits_.content_of(role);
    const std::string both = std::string(kSystem) + kReply;
    const auto render_as = [&](ContentForm as, std::initializer_list<std::string_view> needles) {
      form = as;
      const Messages messages = example(std::vector<TextPart>{{.text = kSystem}, {.text = kReply}});
      const std::string text = shown(messages);
      return holds(text, needles) ? text : shown(messages, true);
    };
    const std::string text = render_as(ContentForm::text, {both});
    const std::string parts = render_as(ContentForm::parts, {kSystem, kReply});
    const bool takes_text = text.contains(both);
    const bool takes_parts = holds(parts, {kSystem, kReply}) &&
                             (takes_text ? without(text, kSystem, kReply) == without(parts, kSystem, kReply)
                                         : !is_raw(parts, "text"));
    const auto takes_part = [&] {
      const std::string part = render_as(ContentForm::one_part, {both});
      return part.contains(both) && !is_raw(part, "text");
    };
    const bool is_shown = takes_text || takes_parts || takes_part();
    form = takes_text && takes_parts ? ContentForm::any
           : takes_parts             ? ContentForm::parts
           : takes_text || !is_shown ? ContentForm::text
                                     : ContentForm::one_part;
    return is_shown;
  }

  void find_systems() {
    traits_.system_role = find_content(Role::system, [](auto parts) {
      return Messages{says(Role::system, std::move(parts)), says(Role::user, kUser)};
    });
    if (!traits_.system_role) return;
    const Messages several = {says(Role::system, kSystem), says(Role::system, kMore),
                              says(Role::user, kUser)};
    give_up_if_better(&TemplateTraits::several_systems, several, {kSystem, kMore});
    // Some take what is behind the first for the user's message and write the tools there.
    if (before(shown(several), kMore) != before(shown(several, true), kMore)) traits_.several_systems = false;
    const Message begin = says(Role::system, kSystem);
    for (const Messages& messages : {Messages{begin, says(Role::user, kUser), says(Role::system, kMore),
                                              says(Role::assistant, kReply), says(Role::user, kResult)},
                                     Messages{begin, says(Role::user, kUser), says(Role::assistant, kReply),
                                              says(Role::system, kMore), says(Role::user, kResult)}}) {
      if (!shows(messages, {kSystem, kUser, kMore, kReply, kResult})) traits_.systems_anywhere = false;
    }
  }

  void find_rows() {
    const Message user = says(Role::user, kUser);
    give_up_if_better(&TemplateTraits::users_in_row, {user, says(Role::user, kMore)}, {kUser, kMore});
    give_up_if_better(
        &TemplateTraits::assistants_in_row,
        {user, says(Role::assistant, kReply), says(Role::assistant, kMore), says(Role::user, kResult)},
        {kReply, kMore});
    give_up_if_better(&TemplateTraits::empty_replies,
                      {user, says(Role::assistant, ""), says(Role::user, kMore)}, {kUser, kMore});
  }

  void find_tools() {
    const Messages messages = {says(Role::user, kUser)};
    if (!shown(messages, true).contains(kTool)) {
      traits_.tools_need_system = traits_.system_role && shown_with_system(messages);
      traits_.tools = traits_.tools_need_system;
    }
    if (!traits_.tools || shows_bare_tool(messages)) return;
    traits_.tools_need_text = true;
    traits_.tools_need_text = shows_bare_tool(messages);
  }
  bool shown_with_system(const Messages& messages) {
    traits_.tools_need_system = true;
    return shown(messages, true).contains(kTool);
  }
  bool shows_bare_tool(const Messages& messages) const {
    ChatRequest request = {.messages = messages, .tools = {{.name = kTool}}};
    return render_(traits_, request).contains(kTool);
  }

  // How well a call is written, from 0 to 2.
  int quality_of_call() const {
    const Message user = says(Role::user, kUser);
    int best = 0;
    for (const Messages& messages :
         {Messages{user, calls({call("1", kValue)})},
          Messages{user, calls({call("1", kValue)}), result({{.text = kResult}})}}) {
      const std::string written = shown_behind(messages, {kTool, kKey, kValue});
      if (!holds(written, {kTool, kKey, kValue})) continue;
      // An object printed as it is, or a text as JSON, is readable, but not what the template means.
      const bool is_as_meant =
          !written.contains("'" + std::string(kKey) + "':") && !written.contains("\\\"" + std::string(kKey));
      best = std::max(best, is_as_meant ? 2 : 1);
    }
    return best;
  }

  void find_calls() {
    TemplateTraits best = traits_;
    int quality = 0;
    for (const CallIds ids : {CallIds::digits, CallIds::function}) {
      for (const bool is_null : {false, true}) {
        for (const bool is_object : {true, false}) {
          if (quality == 2) continue;
          traits_.call_ids = ids;
          traits_.null_beside_calls = is_null;
          traits_.object_arguments = is_object;
          if (const int found = quality_of_call(); found > quality) {
            quality = found;
            best = traits_;
          }
        }
      }
    }
    traits_ = std::move(best);
    traits_.calls = quality > 0;
    if (!traits_.calls) return;
    const Message user = says(Role::user, kUser);
    if (traits_.object_arguments) {
      ToolCall broken = call("1", kValue);
      broken.arguments = kBroken;
      traits_.broken_arguments = shows({user, calls({broken})}, {kBroken});
    }
    Message other = result({{.text = kMore}});
    other.call_id = "2";
    give_up_if_better(
        &TemplateTraits::several_calls,
        {user, calls({call("1", kValue), call("2", kOtherValue)}), result({{.text = kResult}}), other},
        {kValue, kOtherValue});
  }

  void find_results() {
    if (!traits_.calls) {
      traits_.results = false;
      return;
    }
    const Message user = says(Role::user, kUser);
    const Message calling = calls({call("1", kValue)});
    traits_.results = find_content(
        Role::tool, [&](auto parts) { return Messages{user, calling, result(std::move(parts))}; });
    give_up_if_better(&TemplateTraits::user_after_result,
                      {user, calling, result({{.text = kResult}}), says(Role::user, kMore)},
                      {kResult, kMore});
  }

  // What a call adds to a prompt.
  void find_call_example() {
    if (traits_.tools || !traits_.calls) return;
    const Message user = says(Role::user, kUser);
    const std::string opened = render_(traits_, {.messages = {user}});
    const std::string reply = shown({user, says(Role::assistant, kReply)});
    std::string example = shown({user, calls({example_call()})});
    const std::size_t end = reply.find(kReply);
    if (end == std::string::npos) return;
    const std::string closing = reply.substr(end + std::string_view(kReply).size());
    if (example.ends_with(closing)) example.resize(example.size() - closing.size());
    // Where the prompt opens a thought, its marker may begin as the call's does.
    std::size_t begin = common_prefix(opened, example);
    if (begin < opened.size() && begin > 0 && example[begin - 1] == '<') --begin;
    example.erase(0, begin);
    if (example.contains(example_call().name)) traits_.call_example = example;
  }

  void find_thoughts() {
    const Message user = says(Role::user, kUser);
    Message saying = says(Role::assistant, kReply);
    saying.reasoning = kThought;
    Message calling = calls({call("1", kValue)});
    calling.reasoning = kThought;
    std::vector<Messages> examples = {{user, saying}, {user, saying, says(Role::user, kMore)}};
    if (traits_.calls) examples.push_back({user, calling, result({{.text = kResult}})});
    const auto is_shown = [&](const Messages& messages) {
      const std::string text = shown_behind(messages, {kThought});
      return text.contains(kThought) && !is_raw(text, "thinking");
    };
    using enum ThoughtPlace;
    for (const ThoughtPlace place : {reasoning_content, reasoning, thinking, part, part_parts}) {
      traits_.thought = place;
      if (std::ranges::any_of(examples, is_shown)) break;
      traits_.thought = nowhere;
    }
    if (traits_.thought == nowhere || !traits_.calls) return;
    calling.content = {{.text = kReply}};
    give_up_if_better(&TemplateTraits::thought_beside_text, {user, calling, result({{.text = kResult}})},
                      {kValue, kReply});
  }

  void find_text_beside_calls() {
    if (!traits_.calls) return;
    Message calling = calls({call("1", kValue)});
    calling.content = {{.text = kReply}};
    const Messages messages = {says(Role::user, kUser), calling, result({{.text = kResult}})};
    using enum TextBesideCalls;
    for (const TextBesideCalls place : {content, thought, before}) {
      if (place == thought && traits_.thought == ThoughtPlace::nowhere) continue;
      traits_.text_beside_calls = place;
      if (shows(messages, {kReply, kValue, kResult})) return;
    }
    traits_.text_beside_calls = content;
  }

  void find_efforts() {
    ChatRequest request = {.messages = {says(Role::user, kUser)}};
    if (render_(traits_, request).empty()) return;
    for (const char* effort : kEfforts) {
      request.reasoning.effort = effort;
      if (render_(traits_, request).empty()) traits_.refused_efforts.emplace_back(effort);
    }
  }

  const TryRender& render_;
  TemplateTraits traits_;
};

}  // namespace

TemplateTraits find_traits(const TryRender& render) { return Finder(render).find(); }

}  // namespace banyan
