/// What OpenAI's chat and completions share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/answer.h"

namespace banyan {

/// The fields n, stream, stream_options, and max_completion_tokens with its other names.
struct OpenAiOptions {
  int choices = 1;
  int max_tokens = -1;
  bool streams = false;
  bool include_usage = false;
};
OpenAiOptions read_openai_options(Fields& fields);

/// "stop", "length", or null while it goes on.
Json finish_reason(Finish finish);

/// An answer whose objects and chunks carry id, object, created and model, and whose last chunk may be
/// the usage.
class OpenAiAnswer : public Answer {
 public:
  /// `id_prefix`: of the id, as "chatcmpl-"; `object`, `chunk_object`: what objects call themselves.
  OpenAiAnswer(const OpenAiOptions& options, std::size_t prompts, std::string model, const char* id_prefix,
               const char* object, const char* chunk_object);

  std::vector<Json> closing() const override;
  Json body() const override;

 protected:
  /// A chunk with one choice.
  Json chunk(Json choice) const;
  /// A choice of the whole answer.
  virtual Json whole_choice(std::size_t index) const = 0;

 private:
  Json frame(const char* object, Json choices) const;
  Json usage() const;

  std::string id_;
  std::int64_t created_;
  std::string model_;
  const char* object_;
  const char* chunk_object_;
  bool include_usage_;
};

}  // namespace banyan
