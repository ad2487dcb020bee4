#include <algorithm>
#include <string>
#include <utility>

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

// Of replies with markers around thoughts and calls.
class MarkedGrammar {
 public:
  MarkedGrammar(const ReplyForm& form, const ChatRequest& request, std::string_view prompt)
      : form_(form), request_(request), prompt_(trimmed(prompt)), tools_(callable_tools(request)) {
    if (!form.reasoning.end.empty()) {
      is_thinking_ = opens_thought(form, prompt);
      may_think_ =
          !is_thinking_ && !prompt_.ends_with(form.reasoning.end) && request.reasoning.enabled.value_or(true);
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
      calls += *rule;
      if (!silent.reply_end.empty()) {
        calls += " " + GrammarText::optional(GrammarText::literal(silent.reply_end));
      }
    }
    if (request_.schema && request_.tool_choice.mode != ToolChoice::Mode::required) {
      const Result<std::string> rule = grammar_.schema(request_.schema->schema, request_.schema->is_strict);
      if (!rule) return std::unexpected(rule.error());
      value = text_begin() + *rule;
    }
    return ReplyGrammar{.grammar = grammar_.print(thought() + either(calls, value)), .triggers = {}};
  }

  // From the beginning of a call, or the end of a thought, on.
  Result<ReplyGrammar> when_called() {
    const std::string& first = form_.call.section_begin.empty() ? form_.call.begin : form_.call.section_begin;
    const std::string marker(first.substr(0, first.find_first_of(" \n")));
    if (marker.find_first_of("<[") == marker.npos) return ReplyGrammar{};  // too likely in texts
    const Result<std::string> calls = call_grammar(grammar_, form_.call, tools_, request_.parallel_calls);
    if (!calls) return std::unexpected(calls.error());
    ReplyGrammar made;
    std::string root;
    if (is_thinking_ || may_think_) {
      const std::string after = GrammarText::literal(form_.reasoning.end) + " " +
                                grammar_.text_without(marker) + " " + GrammarText::optional(*calls);
      if (is_thinking_) {
        made.triggers = {form_.reasoning.end};
        root = after;
      } else {
        made.triggers = {marker, form_.reasoning.begin};
        root = *calls + " | " + GrammarText::literal(form_.reasoning.begin) + " " +
               grammar_.text_without(form_.reasoning.end) + " " + GrammarText::optional(after);
      }
    } else {
      made.triggers = {marker};
      root = *calls;
    }
    made.grammar = grammar_.print(root);
    return made;
  }

 private:
  // The marker in front of what is said, but for what the prompt ends with.
  std::string text_begin() const {
    const std::string_view marker = form_.silent.text_begin;
    if (marker.empty()) return "";
    std::size_t written = std::min(marker.size(), prompt_.size());
    while (!prompt_.ends_with(marker.substr(0, written))) --written;
    const std::string rest = GrammarText::literal(marker.substr(written));
    return (written > 0 && written < marker.size() ? rest : GrammarText::optional(rest)) + " ";
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
  std::vector<Tool> tools_;
  bool is_thinking_ = false, may_think_ = false;
  GrammarText grammar_;
};

// Of replies that are messages with channels, behind "<|start|>assistant".
class ChannelsGrammar {
 public:
  explicit ChannelsGrammar(const ChatRequest& request) : request_(request), tools_(callable_tools(request)) {}

  Result<ReplyGrammar> whole() {
    std::string calls, value;
    if (!tools_.empty()) {
      Result<std::string> rule = call();
      if (!rule) return std::unexpected(rule.error());
      calls = *std::move(rule);
    }
    if (request_.schema && request_.tool_choice.mode != ToolChoice::Mode::required) {
      const Result<std::string> rule = grammar_.schema(request_.schema->schema, request_.schema->is_strict);
      if (!rule) return std::unexpected(rule.error());
      value = GrammarText::literal("<|channel|>final<|message|>") + " " + *rule + " " +
              GrammarText::optional(GrammarText::literal("<|end|>"));
    }
    const std::string thought = GrammarText::literal("<|channel|>analysis<|message|>") + " " +
                                grammar_.text_without("<|end|>") + " " +
                                GrammarText::literal("<|end|><|start|>assistant");
    return ReplyGrammar{
        .grammar = grammar_.print(GrammarText::optional(thought) + " " + either(calls, value)),
        .triggers = {}};
  }

  Result<ReplyGrammar> when_called() {
    const Result<std::string> rule = call();
    if (!rule) return std::unexpected(rule.error());
    return ReplyGrammar{.grammar = grammar_.print(*rule),
                        .triggers = {"<|channel|>commentary to=functions.", " to=functions."}};
  }

 private:
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
  std::vector<Tool> tools_;
  GrammarText grammar_;
};

template <class ReplyKind>
Result<ReplyGrammar> grammar_of(ReplyKind reply, const ChatRequest& request) {
  const bool has_tools = !callable_tools(request).empty();
  const bool must_call = request.tool_choice.mode == ToolChoice::Mode::required && has_tools;
  if (must_call || request.schema) return reply.whole();
  return has_tools ? reply.when_called() : ReplyGrammar{};
}

}  // namespace

Result<ReplyGrammar> reply_grammar(const ReplyForm& form, const ChatRequest& request,
                                   std::string_view prompt) {
  if (form.has_channels) return grammar_of(ChannelsGrammar(request), request);
  return grammar_of(MarkedGrammar(form, request, prompt), request);
}

}  // namespace banyan
