/// How one request is answered: what every dialect makes of an engine's deltas, streamed or at once.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "banyan/engine.h"
#include "server/http/http_errors.h"
#include "server/json_fields.h"
#include "server/model_context.h"
#include "server/stream_form.h"

namespace banyan {

/// One reply. A request has `choices` for each of its prompts, numbered prompt by prompt.
struct Choice {
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
  virtual const StreamForm& form() const = 0;

  /// Takes the next delta of a prompt. Returns what a stream sends for it.
  std::vector<WireEvent> add(std::size_t prompt, const Delta& delta);
  /// Of all choices' tokens, those of thoughts.
  virtual int reasoning_tokens() const { return 0; }
  /// Whether every choice has ended.
  bool is_complete() const;
  /// What a stream sends when all choices have ended.
  virtual std::vector<WireEvent> closing() { return {}; }
  /// What a stream sends when it breaks off.
  virtual std::vector<WireEvent> breaking_off(const HttpError& error);
  /// The whole answer, when not streaming.
  virtual Json body() const = 0;

  const std::vector<Choice>& choices() const { return choices_; }
  std::size_t choices_per_prompt() const { return per_prompt_; }

 protected:
  /// Has choices() say that a choice ended otherwise than its last delta says.
  void set_finish(std::size_t index, Finish finish) { choices_[index].finish = finish; }
  /// Takes a delta of choice `index`, which choices() already knows of. Returns what a stream sends for it.
  virtual std::vector<WireEvent> take(std::size_t index, const Delta& delta) = 0;

 private:
  std::size_t per_prompt_;
  bool streams_;
  std::vector<Choice> choices_;
};

/// A delta that only tells how much of the prompt is read.
bool is_progress(const Delta& delta);

/// A request read from JSON: what the engine is to do, one request for each prompt, and how to answer.
struct Job {
  std::vector<Request> requests;
  std::unique_ptr<Answer> answer;
};

}  // namespace banyan
