/// How one request is answered: what every dialect makes of an engine's deltas, streamed or at once.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "banyan/engine.h"
#include "server/json_fields.h"

namespace banyan {

/// What prompts are refused for before they are tokenized.
struct PromptLimits {
  std::size_t tokens = std::numeric_limits<std::size_t>::max();   ///< the context
  std::size_t token_bytes = 1;                                    ///< of the longest token
  std::size_t prompts = std::numeric_limits<std::size_t>::max();  ///< of a request
};

/// What requests are read against, and answers name.
struct ModelContext {
  const Vocabulary& vocabulary;
  const ChatTemplate& chat_template;
  std::string model_id;
  PromptLimits limits = {};
};

/// One reply. A request has `choices` for each of its prompts, numbered prompt by prompt.
struct Choice {
  std::string text;                    ///< while not streaming
  std::vector<GeneratedToken> tokens;  ///< while not streaming
  Finish finish = Finish::none;
  std::string stop_word;
  Timings timings;  ///< as of the last delta
};

class Answer {
 public:
  /// `choices`: replies to each of the `prompts`.
  Answer(std::size_t prompts, int choices, bool streams);
  virtual ~Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  bool streams() const { return streams_; }

  /// Takes the next delta of a prompt. Returns the events that a stream sends for it.
  std::vector<Json> add(std::size_t prompt, const Delta& delta);
  /// Whether every choice has ended.
  bool is_complete() const;
  /// What a stream sends when all choices have ended, before the marker.
  virtual std::vector<Json> closing() const { return {}; }
  /// Whether a stream's last line is "data: [DONE]".
  virtual bool has_done_marker() const { return true; }
  /// The whole answer, when not streaming.
  virtual Json body() const = 0;

 protected:
  /// The events for a delta of choice `index`, which choices() already knows of.
  virtual std::vector<Json> events(std::size_t index, const Delta& delta) = 0;

  const std::vector<Choice>& choices() const { return choices_; }
  std::size_t choices_per_prompt() const { return per_prompt_; }

 private:
  std::size_t per_prompt_;
  bool streams_;
  std::vector<Choice> choices_;
};

/// A request read from JSON: what the engine is to do, one request for each prompt, and how to answer.
struct Job {
  std::vector<Request> requests;
  std::unique_ptr<Answer> answer;
};

/// llama-server's `timings`: cache_n is what was restored, prompt_n what was evaluated of the prompt. Beside
/// them what was matched, and why less was restored.
Json timings_json(const Timings& timings);

/// A token as llama-server and OpenAI's chat give it: id, token, bytes, logprob and top_logprobs.
Json token_json(const GeneratedToken& token);

}  // namespace banyan
