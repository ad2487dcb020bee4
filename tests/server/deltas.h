// Deltas as an engine gives them, and what an answer makes of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/answer.h"

namespace banyan {

inline GeneratedToken token(Token id, std::string bytes, float logprob = -0.5f) {
  return {
      .token = id, .bytes = bytes, .logprob = logprob, .top = {{id, bytes, logprob}, {9, "\xc3", -1e30f}}};
}

inline Delta delta(std::string text, std::vector<GeneratedToken> tokens, int choice = 0) {
  Delta delta;
  delta.choice = choice;
  delta.text = std::move(text);
  delta.tokens = std::move(tokens);
  delta.timings.cache = {.total = 10,
                         .matched = 8,
                         .restored = 7,
                         .evaluated = 5,
                         .limit = RestoreLimit::no_point,
                         .limited_by = "recurrent"};
  delta.timings.prompt_done = 10;
  delta.timings.generated = 3;
  delta.timings.prompt_ms = 6;
  delta.timings.generate_ms = 4;
  return delta;
}

inline Delta last(Finish finish, int choice = 0) {
  Delta end = delta("", {}, choice);
  end.finish = finish;
  if (finish == Finish::stop) end.stop_word = "!";
  return end;
}

// A prompt of which so many tokens are read.
inline Delta progress(std::size_t done) {
  Delta delta = banyan::delta("", {});
  delta.timings.generated = 0;
  delta.timings.prompt_done = done;
  return delta;
}

// The objects of events that have no names.
inline std::vector<Json> objects(std::vector<WireEvent> events) {
  std::vector<Json> all;
  for (WireEvent& event : events)
    all.push_back(event.name.empty() ? std::move(event.data) : Json(event.name));
  return all;
}

inline std::vector<Json> add(Answer& answer, std::size_t prompt, const Delta& delta) {
  return objects(answer.add(prompt, delta));
}

}  // namespace banyan
