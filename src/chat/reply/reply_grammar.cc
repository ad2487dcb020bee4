#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "chat/reply/call_grammar.h"
#include "chat/reply/callable_tools.h"
#include "chat/reply/grammar_text.h"
#include "chat/reply/marker.h"
#include "chat/reply/reply_form.h"

namespace banyan {
namespace {

std::string either(const std::string& a, const std::string& b) {
  return a.empty() ? b : b.empty() ? a : "(" + a + " | " + b + ")";
}

Result<ReplyGrammar> printed(const GrammarText& grammar, const std::string& root,
                             std::vector<std::string> triggers = {}) {
  Result<std::string> text = grammar.print(root);
  if (!text) return std::unexpected(text.error());
  return ReplyGrammar{.grammar = *std::move(text), .triggers = std::move(triggers)};
}

// Of replies with markers around thoughts and calls.
class MarkedGrammar {
 public:
  MarkedGrammar(const ReplyForm& form, const ChatRequest& request, std::string_view prompt,
                const std::vector<Tool>& tools, bool is_lenient)
      : form_(form), request_(request), prompt_(trimmed(prompt)), tools_(tools), grammar_(is_lenient) {
    if (!form.reasoning.end.empty()) {
      is_thinking_ = opens_thought(form, request, prompt);
      const bool has_thought = prompt_.ends_with(form.reasoning.end) && !form.reasoning.end_opens_reply;
      may_think_ = !is_thinking_ && !has_thought && request.reasoning.enabled.value_or(true);
    }
  }

  Result<ReplyGrammar> whole() {
    std::string calls, value;
    if (!tools_.empty()) {
      const std::string_view begin = trimmed(form_.call.begin);
      const bool is_begun =
          !begin.empty() && trimmed(form_.call.section_begin).empty() && prompt_.ends_with(begin);
      const Result<std::string> rule = call_grammar(grammar_, form_.call, tools_, request_.parallel_calls,
                                                    is_begun ? begin : std::string_view());
      if (!rule) return std::unexpected(rule.error());
      const SilentMarkers& silent = form_.silent;
      if (!silent.text_begin.empty() && !silent.text_end.empty()) {
        calls = GrammarText::optional(GrammarText::literal(silent.text_begin + silent.text_end)) + " ";
      }
      calls += *rule + reply_end();
    }
    if (request_.schema && request_.tool_choice.mode != ToolChoice::Mode::required) {
      const Result<std::string> rule = grammar_.schema(request_.schema->schema, request_.schema->is_strict);
      if (!rule) return std::unexpected(rule.error());
      value = text_begin() + *rule;
    }
    return printed(grammar_, thought() + either(calls, value));
  }

  Result<ReplyGrammar> without_calls() {
    const std::string marker = call_marker();
    if (marker.empty()) return ReplyGrammar{};
    return printed(grammar_, thought() + text_up_to(marker));
  }

  // From the beginning of a call, or the end of a thought, on.
  Result<ReplyGrammar> when_called() {
    const std::string marker = call_marker();
    if (marker.empty()) return ReplyGrammar{};
    const Result<std::string> rule = call_grammar(grammar_, form_.call, tools_, request_.parallel_calls);
    if (!rule) return std::unexpected(rule.error());
    const std::string calls = grammar_.add(*rule + reply_end());
    if (!is_thinking_ && !may_think_) return printed(grammar_, calls, {marker});
    const std::string after = GrammarText::literal(form_.reasoning.end) + " " + text_up_to(marker) + " " +
                              GrammarText::optional(calls);
    if (is_thinking_) return printed(grammar_, after, {form_.reasoning.end});
    return printed(grammar_,
                   calls + " | " + GrammarText::literal(form_.reasoning.begin) + " " +
                       grammar_.text_without(form_.reasoning.end) + " " + GrammarText::optional(after),
                   {marker, form_.reasoning.begin});
  }

 private:
  // What calls begin with; "" where that is too likely in texts.
  std::string call_marker() const {
    const std::string& first = form_.call.section_begin.empty() ? form_.call.begin : form_.call.section_begin;
    std::string marker(first.substr(0, first.find_first_of(" \n")));
    return marker.find_first_of("<[") == marker.npos ? "" : marker;
  }

  // The marker in front of what is said, but for what the prompt ends with.
  std::string text_begin() const {
    const std::string_view marker = form_.silent.text_begin;
    if (marker.empty()) return "";
    std::size_t written = std::min(marker.size(), prompt_.size());
    while (!prompt_.ends_with(marker.substr(0, written))) --written;
    const std::string rest = GrammarText::literal(marker.substr(written));
    return (written > 0 && written < marker.size() ? rest : GrammarText::optional(rest)) + " ";
  }

  // What is said, with the model's markers around it: where they are control tokens, they are no characters.
  std::string text_up_to(const std::string& marker) {
    const SilentMarkers& silent = form_.silent;
    std::string text = grammar_.text_without(marker);
    if (!silent.text_begin.empty()) {
      text = grammar_.blanks() + " " + GrammarText::optional(GrammarText::literal(silent.text_begin)) + " " +
             text;
    }
    if (!silent.text_end.empty()) {
      text += " " + GrammarText::optional(GrammarText::literal(silent.text_end)) + " " + grammar_.blanks();
    }
    return text + reply_end();
  }

  // Behind all else.
  std::string reply_end() const {
    const std::string& marker = form_.silent.reply_end;
    return marker.empty() ? "" : " " + GrammarText::optional(GrammarText::literal(marker));
  }

  // In front of all else.
  std::string thought() {
    if (!is_thinking_ && !may_think_) return "";
    const std::string rest = grammar_.text_without(form_.reasoning.end) + " " +
                             GrammarText::literal(form_.reasoning.end) + " " + grammar_.blanks();
    if (is_thinking_) return rest + " ";
    return GrammarText::optional(GrammarText::literal(form_.reasoning.begin) + " " + rest) + " ";
  }

  const ReplyForm& form_;
  const ChatRequest& request_;
  std::string_view prompt_;
  const std::vector<Tool>& tools_;
  bool is_thinking_ = false, may_think_ = false;
  GrammarText grammar_;
};

// Of replies that are messages with channels, behind "<|start|>assistant", or within a message.
class ChannelsGrammar {
 public:
  ChannelsGrammar(const ChatRequest& request, std::string_view prompt, const std::vector<Tool>& tools,
                  bool is_lenient)
      : request_(request), tools_(tools), grammar_(is_lenient) {
    const std::size_t start = prompt.rfind("<|start|>");
    if (start == prompt.npos) return;
    const std::string_view last = prompt.substr(start);
    const std::size_t message = last.find("<|message|>");
    if (message == last.npos) return;
    const std::string_view header = last.substr(0, message);
    is_open_ = true;
    is_thought_ = header.contains("<|channel|>analysis");
    is_answer_ = header.contains("<|channel|>final");
  }

  Result<ReplyGrammar> whole() {
    std::string calls, value;
    if (!tools_.empty()) {
      const Result<std::string> rule = call();
      if (!rule) return std::unexpected(rule.error());
      calls = next_message() + *rule;
    }
    if (request_.schema && request_.tool_choice.mode != ToolChoice::Mode::required) {
      const Result<std::string> rule = grammar_.schema(request_.schema->schema, request_.schema->is_strict);
      if (!rule) return std::unexpected(rule.error());
      if (!is_answer_) value = next_message() + GrammarText::literal("<|channel|>final<|message|>") + " ";
      value += *rule + " " + GrammarText::optional(GrammarText::literal("<|end|>"));
    }
    return printed(grammar_, thought() + either(calls, value));
  }

  // A thought and the answer, neither of which has a recipient.
  Result<ReplyGrammar> without_calls() {
    std::string text =
        grammar_.text_without("<|end|>") + " " + GrammarText::optional(GrammarText::literal("<|end|>"));
    if (!is_answer_) text = next_message() + GrammarText::literal("<|channel|>final<|message|>") + " " + text;
    return printed(grammar_, thought() + text);
  }

  Result<ReplyGrammar> when_called() {
    const Result<std::string> rule = call();
    if (!rule) return std::unexpected(rule.error());
    // A recipient alone may be spoken of.
    return printed(grammar_, GrammarText::optional(GrammarText::literal(kAssistant)) + " " + *rule,
                   {kAssistant + " to=functions.", "<|channel|>commentary to=functions."});
  }

 private:
  static inline const std::string kAssistant = "<|start|>assistant";

  // In front of a message's header.
  std::string next_message() const {
    return is_open_ && !is_thought_ ? GrammarText::literal("<|end|>" + kAssistant) + " " : "";
  }

  std::string thought() {
    const std::string rest =
        grammar_.text_without("<|end|>") + " " + GrammarText::literal("<|end|>" + kAssistant) + " ";
    if (is_thought_) return rest;
    if (is_open_) return "";
    return GrammarText::optional(GrammarText::literal("<|channel|>analysis<|message|>") + " " + rest) + " ";
  }

  // In the two ways in which it is written.
  Result<std::string> call() {
    std::string all;
    for (const Tool& tool : tools_) {
      const Result<std::string> arguments = json_arguments_grammar(grammar_, tool);
      if (!arguments) {
        return fail(arguments.error().code, "the tool \"" + tool.name + "\": " + arguments.error().message,
                    "tools");
      }
      const std::string to = " to=functions." + tool.name;
      all += (all.empty() ? "" : " | ") +
             grammar_.add("(" + GrammarText::literal(to + "<|channel|>commentary json<|message|>") + " | " +
                          GrammarText::literal("<|channel|>commentary" + to) + " \" \"? " +
                          GrammarText::literal("<|constrain|>json<|message|>") + ") " + *arguments);
    }
    return grammar_.add("(" + all + ") " + GrammarText::optional(GrammarText::literal("<|call|>")));
  }

  const ChatRequest& request_;
  const std::vector<Tool>& tools_;
  bool is_open_ = false;                         // the prompt ends within a message,
  bool is_thought_ = false, is_answer_ = false;  // which is one of these
  GrammarText grammar_;
};

// Of the tools that may be called and the schema. In `auto`, a grammar only helps.
template <class MakeGrammar>
Result<ReplyGrammar> grammar_of(const ChatRequest& request, const std::vector<Tool>& tools,
                                MakeGrammar make) {
  const bool must_call = request.tool_choice.mode == ToolChoice::Mode::required && !tools.empty();
  if (must_call || request.schema) return make(!must_call).whole();
  if (tools.empty()) {
    // The prompt tells of the tools all the same.
    if (request.tools.empty()) return ReplyGrammar{};
    Result<ReplyGrammar> made = make(true).without_calls();
    if (made) made->is_optional = true;
    return made;
  }
  const bool is_optional = std::ranges::none_of(tools, &Tool::is_strict);
  Result<ReplyGrammar> made = make(true).when_called();
  if (made) made->is_optional = is_optional;
  return made || !is_optional ? made : ReplyGrammar{};
}

}  // namespace

Result<ReplyGrammar> reply_grammar(const ReplyForm& form, const ChatRequest& request,
                                   std::string_view prompt) {
  const std::vector<Tool> tools = callable_tools(request);
  if (form.has_channels) {
    return grammar_of(request, tools,
                      [&](bool is_lenient) { return ChannelsGrammar(request, prompt, tools, is_lenient); });
  }
  return grammar_of(request, tools,
                    [&](bool is_lenient) { return MarkedGrammar(form, request, prompt, tools, is_lenient); });
}

}  // namespace banyan
