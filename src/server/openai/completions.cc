#include "server/openai/completions.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <format>
#include <string_view>
#include <utility>

#include "server/dialect/foreign_fields.h"
#include "server/grammar_fields.h"
#include "server/openai/frame.h"
#include "server/prompt_fields.h"
#include "server/reply_json.h"
#include "server/sampling_fields.h"
#include "server/text_answer.h"
#include "text/utf8.h"

namespace banyan {
namespace {

constexpr int kMaxLogprobs = 20;

constexpr std::array kForeignToCompletions = {
    ForeignField{"stop_sequences", "Anthropic's messages", "`stop`"},
    ForeignField{"max_output_tokens", "OpenAI's responses", "`max_tokens`"},
    ForeignField{"messages", "OpenAI's chat", "`prompt`"}};

// A key of top_logprobs; OpenAI's way with tokens that are no text.
std::string token_key(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  std::string key = "bytes:";
  for (const char byte : bytes) key += std::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return key;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

class CompletionAnswer final : public TextAnswer {
 public:
  // `echoes`: the text to begin the choices of each prompt with, or none at all.
  CompletionAnswer(const OpenAiOptions& options, std::size_t prompts, const std::string& model, bool logprobs,
                   std::vector<std::string> echoes)
      : TextAnswer(prompts, options.choices, options.streams),
        frame_(options, model, "cmpl-", "text_completion", "text_completion"),
        logprobs_(logprobs),
        times_tokens_(options.times_tokens),
        echoes_(std::move(echoes)),
        begun_(choices().size()),
        offsets_(choices().size()) {}

  const StreamForm& form() const override { return event_stream_until_done(); }
  std::vector<WireEvent> closing() override { return frame_.closing(*this); }

  Json body() const override {
    Json all = Json::array();
    for (std::size_t i = 0; i < choices().size(); ++i) all.push_back(whole_choice(i));
    return frame_.whole(*this, std::move(all));
  }

 private:
  std::vector<WireEvent> events(std::size_t index, const Delta& delta) override {
    std::vector<WireEvent> chunks;
    const auto add = [&](const std::string& text, Json logprobs, Finish finish) {
      chunks.push_back(frame_.chunk({{"index", index},
                                     {"text", text},
                                     {"logprobs", std::move(logprobs)},
                                     {"finish_reason", finish_reason(finish)}}));
    };
    if (is_progress(delta)) {
      add("", nullptr, Finish::none);
      chunks.back().data["prompt_progress"] = progress_json(delta.timings);
      return chunks;
    }
    if (!begun_[index]) {
      begun_[index] = true;
      if (!echo(index).empty()) add(echo(index), nullptr, Finish::none);
    }
    if (!delta.text.empty() || (logprobs_ && !delta.tokens.empty())) {
      add(delta.text, logprobs(delta.tokens, offsets_[index]), Finish::none);
      if (times_tokens_) add_timings(chunks.back().data, delta.timings);
    }
    if (delta.finish != Finish::none) {
      add("", nullptr, delta.finish);
      add_timings(chunks.back().data, delta.timings);
    }
    return chunks;
  }

  Json whole_choice(std::size_t index) const {
    std::size_t offset = 0;
    return {{"index", index},
            {"text", echo(index) + said(index).text},
            {"logprobs", logprobs(said(index).tokens, offset)},
            {"finish_reason", finish_reason(choices()[index].finish)}};
  }

  std::string echo(std::size_t index) const {
    return echoes_.empty() ? "" : echoes_[index / choices_per_prompt()];
  }

  // `offset`: characters of the reply before `tokens`, moved on past them.
  Json logprobs(const std::vector<GeneratedToken>& tokens, std::size_t& offset) const {
    if (!logprobs_ || tokens.empty()) return nullptr;
    Json texts = Json::array(), own = Json::array(), top = Json::array(), offsets = Json::array();
    for (const GeneratedToken& generated : tokens) {
      const Json token = token_json(generated);
      texts.push_back(token_key(generated.bytes));
      own.push_back(token["logprob"]);
      Json& best = top.emplace_back(Json::object());
      for (std::size_t i = 0; i < generated.top.size(); ++i) {
        best[token_key(generated.top[i].bytes)] = token["top_logprobs"][i]["logprob"];
      }
      offsets.push_back(offset);
      offset += characters(generated.bytes);
    }
    return {{"tokens", texts}, {"token_logprobs", own}, {"top_logprobs", top}, {"text_offset", offsets}};
  }

  OpenAiFrame frame_;
  bool logprobs_;
  bool times_tokens_;
  std::vector<std::string> echoes_;
  std::vector<bool> begun_;
  std::vector<std::size_t> offsets_;
};

}  // namespace

Result<Job> read_openai_completion(const Json& body, const ModelContext& context) {
  Fields fields(body);
  refuse_foreign(fields, kForeignToCompletions);
  const OpenAiOptions options = read_openai_options(fields, context.defaults);
  Request common;
  common.sampling = context.defaults.sampling;
  common.choices = options.choices;
  common.max_tokens = options.max_tokens;
  common.tells_progress = options.tells_progress;
  read_sampling(fields, context.vocabulary, common);
  common.sampling.grammar = read_grammar(fields);
  common.logprobs = fields.any("logprobs") != nullptr;
  common.top_logprobs = static_cast<int>(fields.integer("logprobs", 0, 0, kMaxLogprobs));
  const bool echo = fields.boolean("echo", false);
  if (echo && common.logprobs) fields.wrong("echo", "with logprobs is not supported", Errc::unsupported);
  std::vector<Prompt> prompts = read_prompts(fields, context);
  if (fields.error()) return std::unexpected(*fields.error());

  Job job;
  std::vector<std::string> echoes;
  for (Prompt& prompt : prompts) {
    if (echo) echoes.push_back(std::move(prompt.text));
    Request request = common;
    request.prompt = std::move(prompt.tokens);
    job.requests.push_back(std::move(request));
  }
  job.answer = std::make_unique<CompletionAnswer>(options, job.requests.size(), context.model_id,
                                                  common.logprobs, std::move(echoes));
  return job;
}

}  // namespace banyan
