/// What OpenAI's chat and completions share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/answer.h"

namespace banyan {

/// The fields n, stream, stream_options, return_progress, timings_per_token, and max_completion_tokens with
/// its other names.
struct OpenAiOptions {
  int choices = 1;
  int max_tokens = -1;
  bool streams = false;
  bool include_usage = false;
  bool tells_progress = false;  ///< only while streaming
  bool times_tokens = false;    ///< chunks with something of the reply have the timings so far
};
OpenAiOptions read_openai_options(Fields& fields, const RequestDefaults& defaults);

/// "stop", "length", or null while it goes on.
Json finish_reason(Finish finish);

/// Objects and chunks carry id, object, created, model and system_fingerprint, and the last chunk may be the
/// usage.
class OpenAiFrame {
 public:
  /// `id_prefix`: of the id, as "chatcmpl-"; `object`, `chunk_object`: what objects call themselves.
  OpenAiFrame(const OpenAiOptions& options, std::string model, const char* id_prefix, const char* object,
              const char* chunk_object);

  /// A chunk with one choice.
  WireEvent chunk(Json choice) const;
  /// The last chunk, where it is wanted.
  std::vector<WireEvent> closing(const Answer& answer) const;
  /// The whole answer with its choices.
  Json whole(const Answer& answer, Json choices) const;

 private:
  Json frame(const char* object, Json choices) const;

  std::string id_;
  std::int64_t created_;
  std::string model_;
  const char* object_;
  const char* chunk_object_;
  bool include_usage_;
};

}  // namespace banyan
