#include "server/dialect/chat_job.h"

#include <cstddef>
#include <utility>

#include "banyan/chat_prompt.h"
#include "chat/reply/reply_form.h"
#include "server/dialect/written_answer.h"
#include "server/prompt_fields.h"
#include "server/request_defaults.h"

namespace banyan {
namespace {

// What is far longer than the context is not counted: that takes long, and memory.
constexpr std::size_t kMostContexts = 8;

Result<std::string> prompt_of(ChatRequest& chat, const ModelContext& context) {
  fill_in(chat, context.defaults);
  return context.chat_template.apply(chat);
}

}  // namespace

Result<PreparedChat> prepare_chat(ChatRequest& chat, Request generation, const ModelContext& context) {
  auto text = prompt_of(chat, context);
  if (!text) return std::unexpected(text.error());
  if (auto fits = check_length(text->size(), context.limits); !fits) return std::unexpected(fits.error());
  Sampling& sampling = generation.sampling;
  if (sampling.grammar.empty()) {
    auto grammar = reply_grammar(context.reply_form, chat, *text);
    if (!grammar) return std::unexpected(grammar.error());
    sampling.grammar = std::move(grammar->grammar);
    sampling.grammar_triggers = std::move(grammar->triggers);
    sampling.grammar_is_optional = grammar->is_optional;
  } else if (chat.tool_choice.mode == ToolChoice::Mode::required) {
    return fail(Errc::invalid_argument, "tool_choice cannot ask for calls beside a grammar", "tool_choice");
  }
  const ReasoningForm& thought = context.reply_form.reasoning;
  sampling.thought = {.tokens = thought.end.empty() ? -1 : chat.reasoning.budget,
                      .begin = thought.begin,
                      .end = thought.end,
                      .is_open = opens_thought(context.reply_form, chat, *text),
                      .begins_first = true};
  ChatPrompt prompt = chat_prompt(context.vocabulary, *text, chat);
  generation.prompt = std::move(prompt.tokens);
  generation.restore_points = std::move(prompt.points);
  generation.special_text = true;
  return PreparedChat{std::move(*text), std::move(generation)};
}

Result<Job> chat_job(ReplyRequest request, const ModelContext& context, const StreamForm& form,
                     const MakeWriter& make_writer) {
  auto prepared = prepare_chat(request.chat, std::move(request.generation), context);
  if (!prepared) return std::unexpected(prepared.error());
  Job job;
  job.answer = std::make_unique<WrittenAnswer>(context.reply_form, request.chat, prepared->prompt,
                                               request.streams, form, make_writer(prepared->request));
  prepared->request.tells_progress = request.streams;
  job.requests.push_back(std::move(prepared->request));
  return job;
}

Result<std::size_t> count_tokens(ChatRequest chat, const ModelContext& context) {
  const auto text = prompt_of(chat, context);
  if (!text) return std::unexpected(text.error());
  if (auto fits = check_length(text->size(), context.limits, kMostContexts); !fits) {
    return std::unexpected(fits.error());
  }
  return context.vocabulary.tokenize_chat(*text).size();
}

Result<Json> count_tokens_json(ChatRequest chat, const ModelContext& context) {
  const auto tokens = count_tokens(std::move(chat), context);
  if (!tokens) return std::unexpected(tokens.error());
  return Json{{"object", "response.input_tokens"}, {"input_tokens", *tokens}};
}

}  // namespace banyan
