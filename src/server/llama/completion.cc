#include "server/llama/completion.h"

#include <chrono>
#include <cstddef>
#include <format>
#include <limits>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/grammar_fields.h"
#include "server/prompt_fields.h"
#include "server/reply_json.h"
#include "server/samplers.h"
#include "server/sampling_fields.h"
#include "server/text_answer.h"
#include "text/infill_prompt.h"

namespace banyan {
namespace {

constexpr int kMaxProbabilities = 100;
constexpr std::size_t kMaxResponseFields = 256;

// The members of an object by their paths, as "timings/prompt_n", which are their names too. Those that are
// not there are left out.
Json only(const std::vector<std::string>& paths, const Json& object) {
  Json result = Json::object();
  for (const std::string& path : paths) {
    const Json* value = &object;
    for (const auto part : std::views::split(path, '/')) {
      const auto found = value->is_object() ? value->find(std::string(std::string_view(part))) : value->end();
      value = found == value->end() ? nullptr : &*found;
      if (!value) break;
    }
    if (value) result[path] = *value;
  }
  return result;
}

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

struct LlamaOptions {
  int choices = 1;  // replies to each prompt
  bool streams = false;
  bool returns_tokens = false;
  bool times_tokens = false;                 // the timings come with every event
  std::vector<std::string> response_fields;  // of a whole reply, those that are wanted; empty: all
};

class LlamaAnswer final : public TextAnswer {
 public:
  // `request`: what the prompts' requests have in common.
  LlamaAnswer(std::vector<std::string> prompts, const Request& request, LlamaOptions options,
              const ModelContext& context)
      : TextAnswer(prompts.size(), options.choices, options.streams),
        prompts_(std::move(prompts)),
        options_(std::move(options)),
        settings_(generation_settings(request, context.vocabulary)),
        model_(context.model_id),
        max_tokens_(request.max_tokens),
        time_limit_(request.time_limit),
        probabilities_(request.logprobs),
        drawn_(request.logprobs_drawn),
        has_line_(choices().size()) {
    settings_["stream"] = options_.streams;
    settings_["timings_per_token"] = options_.times_tokens;
  }

  const StreamForm& form() const override { return event_stream(); }

  Json body() const override {
    if (choices().size() == 1) return whole(0, said(0).text, said(0).tokens);
    Json all = Json::array();
    for (std::size_t i = 0; i < choices().size(); ++i) all.push_back(whole(i, said(i).text, said(i).tokens));
    return all;
  }

 private:
  std::vector<WireEvent> events(std::size_t index, const Delta& delta) override {
    if (delta.text.contains('\n')) has_line_[index] = true;
    std::vector<WireEvent> all;
    if (!delta.text.empty() || !delta.tokens.empty() || is_progress(delta)) {
      Json event = {{"index", index},
                    {"content", delta.text},
                    {"tokens", ids(delta.tokens)},
                    {"stop", false},
                    {"id_slot", -1},
                    {"tokens_predicted", delta.timings.generated},
                    {"tokens_evaluated", delta.timings.cache.total}};
      if (is_progress(delta)) event["prompt_progress"] = progress_json(delta.timings);
      if (options_.times_tokens) add_timings(event, delta.timings);
      if (probabilities_) event["completion_probabilities"] = probabilities(delta.tokens);
      all.push_back({.name = "", .data = std::move(event)});
    }
    if (delta.finish != Finish::none) all.push_back({.name = "", .data = whole(index, "", {})});
    return all;
  }

  static Json ids(const std::vector<GeneratedToken>& tokens) {
    Json all = Json::array();
    for (const GeneratedToken& token : tokens) all.push_back(token.token);
    return all;
  }

  Json probabilities(const std::vector<GeneratedToken>& tokens) const {
    Json all = Json::array();
    for (const GeneratedToken& token : tokens) {
      all.push_back(drawn_ ? drawn_token_json(token) : token_json(token));
    }
    return all;
  }

  // Whether the context had no room for more.
  bool is_truncated(const Choice& choice) const {
    const bool is_late =
        time_limit_.count() > 0 && choice.timings.generate_ms > static_cast<double>(time_limit_.count());
    return choice.finish == Finish::length && choice.timings.generated != max_tokens_ && !is_late;
  }

  Json whole(std::size_t index, const std::string& text, const std::vector<GeneratedToken>& tokens) const {
    const Choice& choice = choices()[index];
    const SessionStats& cache = choice.timings.cache;
    Json answer = {{"index", index},
                   {"content", text},
                   {"tokens", options_.returns_tokens ? ids(tokens) : Json::array()},
                   {"id_slot", -1},
                   {"stop", true},
                   {"model", model_},
                   {"tokens_predicted", choice.timings.generated},
                   {"tokens_evaluated", cache.total},
                   {"generation_settings", settings_},
                   {"prompt", prompts_[index / choices_per_prompt()]},
                   {"has_new_line", has_line_[index] || text.contains('\n')},
                   {"truncated", is_truncated(choice)},
                   {"stop_type", stop_type(choice.finish)},
                   {"stopping_word", choice.stop_word},
                   {"tokens_cached", cache.restored + cache.evaluated}};
    add_timings(answer, choice.timings);
    if (probabilities_) answer["completion_probabilities"] = probabilities(tokens);
    return options_.response_fields.empty() ? answer : only(options_.response_fields, answer);
  }

  std::vector<std::string> prompts_;
  LlamaOptions options_;
  Json settings_;
  std::string model_;
  int max_tokens_;
  std::chrono::milliseconds time_limit_;
  bool probabilities_;
  bool drawn_;                  // the probabilities are those after sampling
  std::vector<bool> has_line_;  // while streaming: a line break was said
};

// `response_fields`. They are looked for in every reply.
std::vector<std::string> read_response_fields(Fields& fields) {
  std::vector<std::string> paths;
  const Json* array = fields.array("response_fields");
  if (!array) return paths;
  if (array->size() > kMaxResponseFields) {
    fields.wrong("response_fields", std::format("must have at most {} names", kMaxResponseFields));
    return paths;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    if ((*array)[i].is_string()) {
      paths.push_back((*array)[i].get<std::string>());
    } else {
      fields.wrong(std::format("response_fields[{}]", i), "must be a string");
    }
  }
  return paths;
}

}  // namespace

Json generation_settings(const Request& request, const Vocabulary& vocabulary) {
  const Sampling& s = request.sampling;
  Json bias = Json::array();
  for (const auto& [token, value] : s.logit_bias) bias.push_back({{"token", token}, {"bias", value}});
  for (Token token = 0; request.ignore_eos && token < vocabulary.size(); ++token) {
    if (vocabulary.is_end(token)) bias.push_back({{"token", token}, {"bias", nullptr}});
  }
  return {{"seed", s.seed.value_or(std::numeric_limits<std::uint32_t>::max())},
          {"temperature", s.temperature},
          {"dynatemp_range", 0.0},
          {"dynatemp_exponent", 1.0},
          {"top_k", s.top_k},
          {"top_p", s.top_p},
          {"min_p", s.min_p},
          {"top_n_sigma", -1.0},
          {"xtc_probability", 0.0},
          {"xtc_threshold", 0.1},
          {"typical_p", 1.0},
          {"repeat_last_n", s.penalty_last_n},
          {"repeat_penalty", s.repeat_penalty},
          {"presence_penalty", s.presence_penalty},
          {"frequency_penalty", s.frequency_penalty},
          {"dry_multiplier", 0.0},
          {"dry_base", 1.75},
          {"dry_allowed_length", 2},
          {"dry_penalty_last_n", -1},
          {"dry_sequence_breakers", Json::array({"\n", ":", "\"", "*"})},
          {"mirostat", 0},
          {"mirostat_tau", 5.0},
          {"mirostat_eta", 0.1},
          {"adaptive_target", -1.0},
          {"adaptive_decay", 0.9},
          {"stop", request.stop},
          {"max_tokens", request.max_tokens},
          {"n_predict", request.max_tokens},
          {"n_keep", 0},
          {"n_discard", 0},
          {"ignore_eos", request.ignore_eos},
          {"n_probs", request.top_logprobs},
          {"min_keep", 0},
          {"logit_bias", bias},
          {"grammar", s.grammar},
          {"grammar_lazy", false},
          {"lora", Json::array()},
          {"cache_prompt", request.reuse_cache},
          {"t_max_predict_ms", request.time_limit.count()},
          {"post_sampling_probs", request.logprobs_drawn},
          {"samplers", kSamplers}};
}

namespace {

// All but the prompts.
struct LlamaRequest {
  Request common;
  LlamaOptions options;
};

LlamaRequest read_request(Fields& fields, const ModelContext& context) {
  LlamaRequest request;
  Request& common = request.common;
  common.sampling = context.defaults.sampling;
  read_sampling(fields, context.vocabulary, common);
  common.sampling.grammar = read_grammar(fields);
  common.max_tokens = read_max_tokens(fields, {"max_completion_tokens", "max_tokens", "n_predict"},
                                      context.defaults.max_tokens);
  common.top_logprobs = static_cast<int>(fields.integer("n_probs", 0, 0, kMaxProbabilities));
  common.logprobs = common.top_logprobs > 0;
  common.logprobs_drawn = fields.boolean("post_sampling_probs", false) && common.logprobs;
  LlamaOptions& options = request.options;
  options.choices = static_cast<int>(fields.integer("n", 1, 1, Request::kMaxChoices));
  options.choices = static_cast<int>(fields.integer("n_cmpl", options.choices, 1, Request::kMaxChoices));
  common.choices = options.choices;
  options.streams = fields.boolean("stream", false);
  options.returns_tokens = fields.boolean("return_tokens", false);
  options.times_tokens = fields.boolean("timings_per_token", false);
  options.response_fields = read_response_fields(fields);
  common.tells_progress = fields.boolean("return_progress", false) && options.streams;
  fields.refuse_unless("best_of", 1, options.choices);
  return request;
}

Job make_job(LlamaRequest request, std::vector<Prompt> prompts, const ModelContext& context) {
  Job job;
  std::vector<std::string> texts;
  for (Prompt& prompt : prompts) {
    // As the model reads it, with the token that begins texts.
    texts.push_back(context.vocabulary.detokenize(prompt.tokens));
    Request one = request.common;
    one.prompt = std::move(prompt.tokens);
    job.requests.push_back(std::move(one));
  }
  job.answer =
      std::make_unique<LlamaAnswer>(std::move(texts), request.common, std::move(request.options), context);
  return job;
}

InfillText read_infill_text(Fields& fields) {
  InfillText text{.prefix = fields.string("input_prefix"),
                  .suffix = fields.string("input_suffix"),
                  .begun = fields.string("prompt")};
  const Json* extra = fields.array("input_extra");
  for (std::size_t i = 0; extra && i < extra->size(); ++i) {
    const std::string path = std::format("input_extra[{}]", i);
    if (!(*extra)[i].is_object()) {
      fields.wrong(path, "must be an object");
      break;
    }
    Fields file((*extra)[i], path + ".");
    file.required("text");
    text.files.push_back({.name = file.string("filename", "tmp"), .text = file.string("text")});
    if (file.error()) fields.wrong(*file.error());
  }
  return text;
}

}  // namespace

Result<Job> read_llama_completion(const Json& body, const ModelContext& context) {
  Fields fields(body);
  LlamaRequest request = read_request(fields, context);
  fields.refuse_unless("input_prefix", "");
  fields.refuse_unless("input_suffix", "");
  std::vector<Prompt> prompts = read_prompts(fields, context);
  if (fields.error()) return std::unexpected(*fields.error());
  return make_job(std::move(request), std::move(prompts), context);
}

Result<Job> read_llama_infill(const Json& body, const ModelContext& context) {
  Fields fields(body);
  LlamaRequest request = read_request(fields, context);
  const InfillText text = read_infill_text(fields);
  std::size_t bytes = text.prefix.size() + text.suffix.size() + text.begun.size();
  for (const InfillText::File& file : text.files) bytes += file.name.size() + file.text.size();
  if (auto fits = check_length(bytes, context.limits); !fits) return std::unexpected(fits.error());
  if (fields.error()) return std::unexpected(*fields.error());
  auto tokens = infill_prompt(context.vocabulary, text);
  if (!tokens) return std::unexpected(tokens.error());
  std::vector<Prompt> prompts;
  prompts.push_back({.tokens = *std::move(tokens)});
  return make_job(std::move(request), std::move(prompts), context);
}

}  // namespace banyan
