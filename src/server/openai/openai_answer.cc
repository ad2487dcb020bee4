#include "server/openai/openai_answer.h"

#include <chrono>
#include <cstdint>
#include <format>
#include <random>
#include <utility>

#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr int kMaxChoices = 128;

std::string random_id(const char* prefix) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::format("{}{:016x}{:08x}", prefix, random(), static_cast<std::uint32_t>(random()));
}

std::int64_t unix_seconds() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

OpenAiOptions read_openai_options(Fields& fields) {
  OpenAiOptions options;
  options.choices = static_cast<int>(fields.integer("n", 1, 1, kMaxChoices));
  options.streams = fields.boolean("stream", false);
  options.max_tokens = read_max_tokens(fields, {"n_predict", "max_tokens", "max_completion_tokens"});
  fields.refuse_unless("best_of", 1, options.choices);
  if (const Json* stream_options = fields.object("stream_options")) {
    Fields inner(*stream_options, "stream_options.");
    options.include_usage = inner.boolean("include_usage", false);
    if (inner.error()) fields.wrong(*inner.error());
  }
  return options;
}

Json finish_reason(Finish finish) {
  switch (finish) {
    case Finish::end:
    case Finish::stop:
      return "stop";
    case Finish::length:
      return "length";
    case Finish::none:
    case Finish::error:
      break;
  }
  return nullptr;
}

OpenAiAnswer::OpenAiAnswer(const OpenAiOptions& options, std::size_t prompts, std::string model,
                           const char* id_prefix, const char* object, const char* chunk_object)
    : Answer(prompts, options.choices, options.streams),
      id_(random_id(id_prefix)),
      created_(unix_seconds()),
      model_(std::move(model)),
      object_(object),
      chunk_object_(chunk_object),
      include_usage_(options.include_usage) {}

Json OpenAiAnswer::frame(const char* object, Json choices) const {
  return {{"id", id_},
          {"object", object},
          {"created", created_},
          {"model", model_},
          {"choices", std::move(choices)}};
}

Json OpenAiAnswer::chunk(Json choice) const {
  Json choices = Json::array();
  choices.push_back(std::move(choice));
  return frame(chunk_object_, std::move(choices));
}

Json OpenAiAnswer::usage() const {
  std::size_t prompt = 0, restored = 0, completion = 0;
  for (std::size_t i = 0; i < choices().size(); ++i) {
    const Timings& timings = choices()[i].timings;
    completion += static_cast<std::size_t>(timings.generated);
    // The choices of a prompt share its evaluation.
    if (i % choices_per_prompt() != 0) continue;
    prompt += timings.cache.total;
    restored += timings.cache.restored;
  }
  return {
      {"prompt_tokens", prompt},
      {"completion_tokens", completion},
      {"total_tokens", prompt + completion},
      {"prompt_tokens_details", {{"cached_tokens", restored}, {"cache_write_tokens", prompt - restored}}}};
}

std::vector<Json> OpenAiAnswer::closing() const {
  if (!include_usage_) return {};
  Json last = frame(chunk_object_, Json::array());
  last["usage"] = usage();
  return {last};
}

Json OpenAiAnswer::body() const {
  Json all = Json::array();
  for (std::size_t i = 0; i < choices().size(); ++i) all.push_back(whole_choice(i));
  Json answer = frame(object_, std::move(all));
  answer["usage"] = usage();
  answer["timings"] = timings_json(choices().front().timings);
  return answer;
}

}  // namespace banyan
