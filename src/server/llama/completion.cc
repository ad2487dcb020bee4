#include "server/llama/completion.h"

#include <limits>
#include <utility>

#include "server/prompt_fields.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr int kMaxProbabilities = 100;

const char* stop_type(Finish finish) {
  switch (finish) {
    case Finish::end:
      return "eos";
    case Finish::stop:
      return "word";
    case Finish::length:
      return "limit";
    case Finish::none:
    case Finish::error:
      break;
  }
  return "none";
}

class LlamaAnswer final : public Answer {
 public:
  // `settings`: what the prompts' requests have in common.
  LlamaAnswer(std::vector<std::string> prompts, const Request& settings, bool streams, std::string model,
              bool returns_tokens)
      : Answer(prompts.size(), 1, streams),
        prompts_(std::move(prompts)),
        settings_(generation_settings(settings)),
        model_(std::move(model)),
        returns_tokens_(returns_tokens),
        probabilities_(settings.logprobs) {}

  bool has_done_marker() const override { return false; }

  Json body() const override {
    if (choices().size() == 1) return whole(0, choices()[0].text, choices()[0].tokens);
    Json all = Json::array();
    for (std::size_t i = 0; i < choices().size(); ++i) {
      all.push_back(whole(i, choices()[i].text, choices()[i].tokens));
    }
    return all;
  }

 protected:
  std::vector<Json> events(std::size_t index, const Delta& delta) override {
    std::vector<Json> all;
    if (!delta.text.empty() || !delta.tokens.empty()) {
      Json event = {{"index", index},
                    {"content", delta.text},
                    {"tokens", ids(delta.tokens)},
                    {"stop", false},
                    {"id_slot", -1},
                    {"tokens_predicted", delta.timings.generated},
                    {"tokens_evaluated", delta.timings.cache.total}};
      if (probabilities_) event["completion_probabilities"] = probabilities(delta.tokens);
      all.push_back(std::move(event));
    }
    if (delta.finish != Finish::none) all.push_back(whole(index, "", {}));
    return all;
  }

 private:
  static Json ids(const std::vector<GeneratedToken>& tokens) {
    Json all = Json::array();
    for (const GeneratedToken& token : tokens) all.push_back(token.token);
    return all;
  }

  static Json probabilities(const std::vector<GeneratedToken>& tokens) {
    Json all = Json::array();
    for (const GeneratedToken& token : tokens) all.push_back(token_json(token));
    return all;
  }

  Json whole(std::size_t index, const std::string& text, const std::vector<GeneratedToken>& tokens) const {
    const Choice& choice = choices()[index];
    const SessionStats& cache = choice.timings.cache;
    Json answer = {{"index", index},
                   {"content", text},
                   {"tokens", returns_tokens_ ? ids(tokens) : Json::array()},
                   {"id_slot", -1},
                   {"stop", true},
                   {"model", model_},
                   {"tokens_predicted", choice.timings.generated},
                   {"tokens_evaluated", cache.total},
                   {"generation_settings", settings_},
                   {"prompt", prompts_[index]},
                   {"truncated", false},
                   {"stop_type", stop_type(choice.finish)},
                   {"stopping_word", choice.stop_word},
                   {"tokens_cached", cache.restored + cache.evaluated},
                   {"timings", timings_json(choice.timings)}};
    if (probabilities_) answer["completion_probabilities"] = probabilities(tokens);
    return answer;
  }

  std::vector<std::string> prompts_;
  Json settings_;
  std::string model_;
  bool returns_tokens_;
  bool probabilities_;
};

}  // namespace

Json generation_settings(const Request& request) {
  const Sampling& s = request.sampling;
  Json bias = Json::array();
  for (const auto& [token, value] : s.logit_bias) bias.push_back({{"token", token}, {"bias", value}});
  return {{"seed", s.seed.value_or(std::numeric_limits<std::uint32_t>::max())},
          {"temperature", s.temperature},
          {"top_k", s.top_k},
          {"top_p", s.top_p},
          {"min_p", s.min_p},
          {"repeat_last_n", s.penalty_last_n},
          {"repeat_penalty", s.repeat_penalty},
          {"presence_penalty", s.presence_penalty},
          {"frequency_penalty", s.frequency_penalty},
          {"stop", request.stop},
          {"n_predict", request.max_tokens},
          {"ignore_eos", request.ignore_eos},
          {"n_probs", request.top_logprobs},
          {"logit_bias", bias},
          {"grammar", s.grammar},
          {"cache_prompt", request.reuse_cache}};
}

Result<Job> read_llama_completion(const Json& body, const ModelContext& context) {
  Fields fields(body);
  Request common;
  read_sampling(fields, context.vocabulary, common);
  common.max_tokens = read_max_tokens(fields, {"max_completion_tokens", "max_tokens", "n_predict"});
  common.top_logprobs = static_cast<int>(fields.integer("n_probs", 0, 0, kMaxProbabilities));
  common.logprobs = common.top_logprobs > 0;
  const bool streams = fields.boolean("stream", false);
  const bool returns_tokens = fields.boolean("return_tokens", false);
  fields.refuse_unless("n_cmpl", 1);
  fields.refuse_unless("n", 1);
  fields.refuse_unless("best_of", 1);
  fields.refuse_unless("post_sampling_probs", false);
  std::vector<Prompt> prompts = read_prompts(fields, context);
  if (fields.error()) return std::unexpected(*fields.error());

  Job job;
  std::vector<std::string> texts;
  for (Prompt& prompt : prompts) {
    texts.push_back(std::move(prompt.text));
    Request request = common;
    request.prompt = std::move(prompt.tokens);
    job.requests.push_back(std::move(request));
  }
  job.answer =
      std::make_unique<LlamaAnswer>(std::move(texts), common, streams, context.model_id, returns_tokens);
  return job;
}

}  // namespace banyan
