#include "server/openai/chat.h"

#include <utility>

#include "banyan/chat_prompt.h"
#include "server/openai/chat_messages.h"
#include "server/openai/openai_answer.h"
#include "server/prompt_fields.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr int kMaxTopLogprobs = 20;

class ChatAnswer final : public OpenAiAnswer {
 public:
  ChatAnswer(const OpenAiOptions& options, const std::string& model, bool logprobs)
      : OpenAiAnswer(options, 1, model, "chatcmpl-", "chat.completion", "chat.completion.chunk"),
        logprobs_(logprobs),
        begun_(static_cast<std::size_t>(options.choices)) {}

 protected:
  std::vector<Json> events(std::size_t index, const Delta& delta) override {
    std::vector<Json> chunks;
    const auto add = [&](Json content, const std::vector<GeneratedToken>& tokens, Finish finish) {
      chunks.push_back(chunk({{"index", index},
                              {"delta", std::move(content)},
                              {"logprobs", logprobs(tokens)},
                              {"finish_reason", finish_reason(finish)}}));
    };
    if (!begun_[index]) {
      begun_[index] = true;
      add({{"role", "assistant"}, {"content", ""}}, {}, Finish::none);
    }
    if (!delta.text.empty() || (logprobs_ && !delta.tokens.empty())) {
      add({{"content", delta.text}}, delta.tokens, Finish::none);
    }
    if (delta.finish != Finish::none) {
      add(Json::object(), {}, delta.finish);
      chunks.back()["timings"] = timings_json(delta.timings);
    }
    return chunks;
  }

  Json whole_choice(std::size_t index) const override {
    const Choice& choice = choices()[index];
    return {{"index", index},
            {"message", {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}}},
            {"logprobs", logprobs(choice.tokens)},
            {"finish_reason", finish_reason(choice.finish)}};
  }

 private:
  Json logprobs(const std::vector<GeneratedToken>& tokens) const {
    if (!logprobs_ || tokens.empty()) return nullptr;
    Json content = Json::array();
    for (const GeneratedToken& token : tokens) content.push_back(token_json(token));
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }

  bool logprobs_;
  std::vector<bool> begun_;
};

}  // namespace

Result<Job> read_openai_chat(const Json& body, const ModelContext& context) {
  Fields fields(body);
  const OpenAiOptions options = read_openai_options(fields);
  Request request;
  request.choices = options.choices;
  request.max_tokens = options.max_tokens;
  read_sampling(fields, context.vocabulary, request);
  request.logprobs = fields.boolean("logprobs", false);
  request.top_logprobs = static_cast<int>(fields.integer("top_logprobs", 0, 0, kMaxTopLogprobs));
  if (request.top_logprobs > 0 && !request.logprobs) fields.wrong("top_logprobs", "needs logprobs: true");
  fields.refuse_unless("modalities", Json::array({"text"}));
  fields.refuse_unless("functions", Json::array());
  fields.refuse_unless("audio");
  fields.refuse_unless("web_search_options");
  fields.refuse_unless("echo", false);
  fields.refuse_unless("chat_template", "");
  fields.refuse_unless("tool_choice", "auto", "none");
  const auto chat = read_chat_request(body);
  if (!chat) fields.wrong(chat.error());
  if (fields.error()) return std::unexpected(*fields.error());
  const auto text = context.chat_template.apply(*chat);
  if (!text) return std::unexpected(text.error());
  if (auto fits = check_length(text->size(), context.limits); !fits) return std::unexpected(fits.error());

  ChatPrompt prompt = chat_prompt(context.vocabulary, *text, *chat);
  request.prompt = std::move(prompt.tokens);
  request.restore_points = std::move(prompt.points);
  Job job;
  job.answer = std::make_unique<ChatAnswer>(options, context.model_id, request.logprobs);
  job.requests.push_back(std::move(request));
  return job;
}

}  // namespace banyan
