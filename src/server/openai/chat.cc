#include "server/openai/chat.h"

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/chat_reply.h"
#include "server/chat_answer.h"
#include "server/dialect/chat_job.h"
#include "server/grammar_fields.h"
#include "server/openai/chat_message.h"
#include "server/openai/chat_messages.h"
#include "server/openai/frame.h"
#include "server/reply_json.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr int kMaxTopLogprobs = 20;

class OpenAiChatAnswer final : public ChatAnswer {
 public:
  OpenAiChatAnswer(const OpenAiOptions& options, const ModelContext& context, const ChatRequest& request,
                   std::string_view prompt, bool logprobs)
      : ChatAnswer(context.reply_form, request, prompt, options.choices, options.streams),
        frame_(options, context.model_id, "chatcmpl-", "chat.completion", "chat.completion.chunk"),
        logprobs_(logprobs),
        times_tokens_(options.times_tokens),
        replies_(choices().size()),
        deltas_(choices().size()),
        tokens_(choices().size()) {}

  const StreamForm& form() const override { return event_stream_until_done(); }
  std::vector<WireEvent> closing() override { return frame_.closing(*this); }

  Json body() const override {
    Json all = Json::array();
    for (std::size_t i = 0; i < choices().size(); ++i) {
      all.push_back({{"index", i},
                     {"message", message_json(replies_[i])},
                     {"logprobs", logprobs(tokens_[i])},
                     {"finish_reason", chat_finish_reason(choices()[i].finish, replies_[i])}});
    }
    return frame_.whole(*this, std::move(all));
  }

 private:
  std::vector<WireEvent> tell(std::size_t index, const std::vector<ChatEvent>& events,
                              const Delta& delta) override {
    for (const ChatEvent& event : events) replies_[index].add(event);
    if (streams()) return chunks(index, events, delta);
    if (logprobs_) tokens_[index].insert(tokens_[index].end(), delta.tokens.begin(), delta.tokens.end());
    return {};
  }

  std::vector<WireEvent> chunks(std::size_t index, const std::vector<ChatEvent>& events, const Delta& delta) {
    std::vector<WireEvent> chunks;
    const auto add = [&](Json content) -> Json& {
      return chunks
          .emplace_back(frame_.chunk({{"index", index},
                                      {"delta", std::move(content)},
                                      {"logprobs", nullptr},
                                      {"finish_reason", nullptr}}))
          .data;
    };
    for (Json& first : deltas_[index].begin()) add(std::move(first));
    if (is_progress(delta)) {
      if (chunks.empty()) add(Json::object());
      chunks.back().data["prompt_progress"] = progress_json(delta.timings);
      return chunks;
    }
    const std::size_t opening = chunks.size();
    for (const ChatEvent& event : events) {
      for (Json& next : deltas_[index].add(event)) add(std::move(next));
    }
    if (logprobs_ && !delta.tokens.empty()) {
      if (chunks.empty() || events.empty()) add({{"content", ""}});
      chunks.back().data["choices"][0]["logprobs"] = logprobs(delta.tokens);
    }
    if (times_tokens_ && chunks.size() > opening) add_timings(chunks.back().data, delta.timings);
    if (delta.finish != Finish::none) {
      Json& last = add(Json::object());
      last["choices"][0]["finish_reason"] = chat_finish_reason(delta.finish, replies_[index]);
      add_timings(last, delta.timings);
    }
    return chunks;
  }

  Json logprobs(const std::vector<GeneratedToken>& tokens) const {
    if (!logprobs_ || tokens.empty()) return nullptr;
    Json content = Json::array();
    for (const GeneratedToken& token : tokens) content.push_back(token_json(token));
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }

  OpenAiFrame frame_;
  bool logprobs_;
  bool times_tokens_;
  std::vector<ChatReply> replies_;
  std::vector<MessageDeltas> deltas_;
  std::vector<std::vector<GeneratedToken>> tokens_;  // while not streaming
};

}  // namespace

Result<Job> read_openai_chat(const Json& body, const ModelContext& context) {
  Fields fields(body);
  const OpenAiOptions options = read_openai_options(fields, context.defaults);
  Request request;
  request.sampling = context.defaults.sampling;
  request.choices = options.choices;
  request.max_tokens = options.max_tokens;
  request.tells_progress = options.tells_progress;
  read_sampling(fields, context.vocabulary, request);
  TextForm form = read_text_form(fields);
  request.sampling.grammar = std::move(form.grammar);
  request.logprobs = fields.boolean("logprobs", false);
  request.top_logprobs = static_cast<int>(fields.integer("top_logprobs", 0, 0, kMaxTopLogprobs));
  if (request.top_logprobs > 0 && !request.logprobs) fields.wrong("top_logprobs", "needs logprobs: true");
  fields.refuse_unless("modalities", Json::array({"text"}));
  fields.refuse_unless("functions", Json::array());
  fields.refuse_unless("reasoning_format", "auto", "deepseek");
  fields.refuse_unless("parse_tool_calls", true);
  fields.refuse_unless("audio");
  fields.refuse_unless("web_search_options");
  fields.refuse_unless("echo", false);
  fields.refuse_unless("chat_template", "");
  auto chat = read_chat_request(body);
  if (!chat) fields.wrong(chat.error());
  if (fields.error()) return std::unexpected(*fields.error());
  chat->schema = std::move(form.schema);
  auto prepared = prepare_chat(*chat, std::move(request), context);
  if (!prepared) return std::unexpected(prepared.error());
  Job job;
  job.answer = std::make_unique<OpenAiChatAnswer>(options, context, *chat, prepared->prompt,
                                                  prepared->request.logprobs);
  job.requests.push_back(std::move(prepared->request));
  return job;
}

Result<Json> count_openai_chat(const Json& body, const ModelContext& context) {
  const auto chat = read_chat_request(body);
  if (!chat) return std::unexpected(chat.error());
  return count_tokens_json(*chat, context);
}

}  // namespace banyan
