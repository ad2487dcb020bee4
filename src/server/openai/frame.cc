#include "server/openai/frame.h"

#include <cstddef>
#include <utility>

#include "server/dialect/ids.h"
#include "server/reply_json.h"
#include "server/sampling_fields.h"

namespace banyan {
namespace {

constexpr const char* kFingerprint = "banyan-" BANYAN_VERSION;

Json usage(const Answer& answer) {
  std::size_t prompt = 0, restored = 0, completion = 0;
  for (std::size_t i = 0; i < answer.choices().size(); ++i) {
    const Timings& timings = answer.choices()[i].timings;
    completion += static_cast<std::size_t>(timings.generated);
    // The choices of a prompt share its evaluation.
    if (i % answer.choices_per_prompt() != 0) continue;
    prompt += timings.cache.total;
    restored += timings.cache.restored;
  }
  return {{"prompt_tokens", prompt},
          {"completion_tokens", completion},
          {"total_tokens", prompt + completion},
          {"prompt_tokens_details", {{"cached_tokens", restored}, {"cache_write_tokens", prompt - restored}}},
          {"completion_tokens_details", {{"reasoning_tokens", answer.reasoning_tokens()}}}};
}

// The usage, and llama-server's timings of the first choice.
void add_usage(Json& object, const Answer& answer) {
  object["usage"] = usage(answer);
  add_timings(object, answer.choices().front().timings);
}

}  // namespace

OpenAiOptions read_openai_options(Fields& fields, const RequestDefaults& defaults) {
  OpenAiOptions options;
  options.choices = static_cast<int>(fields.integer("n", 1, 1, Request::kMaxChoices));
  options.streams = fields.boolean("stream", false);
  options.tells_progress = fields.boolean("return_progress", false) && options.streams;
  options.times_tokens = fields.boolean("timings_per_token", false);
  options.max_tokens =
      read_max_tokens(fields, {"n_predict", "max_tokens", "max_completion_tokens"}, defaults.max_tokens);
  fields.refuse_unless("best_of", 1, options.choices);
  // llama-server's, which its own completion reads.
  fields.refuse_unless("response_fields", Json::array());
  fields.refuse_unless("post_sampling_probs", false);
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

OpenAiFrame::OpenAiFrame(const OpenAiOptions& options, std::string model, const char* id_prefix,
                         const char* object, const char* chunk_object)
    : id_(random_id(id_prefix)),
      created_(unix_seconds()),
      model_(std::move(model)),
      object_(object),
      chunk_object_(chunk_object),
      include_usage_(options.include_usage) {}

Json OpenAiFrame::frame(const char* object, Json choices) const {
  return {{"id", id_},
          {"object", object},
          {"created", created_},
          {"model", model_},
          {"system_fingerprint", kFingerprint},
          {"choices", std::move(choices)}};
}

WireEvent OpenAiFrame::chunk(Json choice) const {
  Json choices = Json::array();
  choices.push_back(std::move(choice));
  return {.name = "", .data = frame(chunk_object_, std::move(choices))};
}

std::vector<WireEvent> OpenAiFrame::closing(const Answer& answer) const {
  if (!include_usage_) return {};
  Json last = frame(chunk_object_, Json::array());
  add_usage(last, answer);
  return {{.name = "", .data = std::move(last)}};
}

Json OpenAiFrame::whole(const Answer& answer, Json choices) const {
  Json whole = frame(object_, std::move(choices));
  add_usage(whole, answer);
  return whole;
}

}  // namespace banyan
