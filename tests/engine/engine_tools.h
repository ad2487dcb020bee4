// What tests of the whole engine share: prompts in the style that the shipped model knows, and replies
// gathered from their deltas.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banyan/engine.h"
#include "support/shipped_model.h"

namespace banyan {

inline std::unique_ptr<Engine> start_engine(EngineOptions options = {}) {
  if (options.model_path.empty()) options.model_path = shipped_model();
  if (options.memory_bytes == 0) options.memory_bytes = std::size_t{256} << 20;
  // One thread does not wait for another on a busy machine.
  if (options.threads == 0) options.threads = 1;
  return Engine::start(options).value();
}

inline std::string system_message(const std::string& notes) {
  return "<|im_start|>system\nYou are Tally. Answer from what you know. Notes: " + notes + "<|im_end|>\n";
}

inline std::string user_message(const std::string& question) {
  return "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n";
}

inline std::vector<Token> tokens_of(const std::string& text) {
  return shipped_vocabulary().tokenize(text, true, true);
}

inline Request greedy(std::vector<Token> prompt, int max_tokens = 32) {
  return {.prompt = std::move(prompt), .sampling = {.temperature = 0}, .max_tokens = max_tokens};
}

inline Request greedy(const std::string& prompt, int max_tokens = 32) {
  return greedy(tokens_of(prompt), max_tokens);
}

// All that came of one choice of a request.
struct Outcome {
  std::string text;
  std::vector<GeneratedToken> generated;
  Finish finish = Finish::none;
  std::string stop_word;
  std::optional<Error> error;
  Timings timings;
  int deltas = 0;

  std::vector<Token> tokens() const {
    std::vector<Token> ids;
    for (const GeneratedToken& token : generated) ids.push_back(token.token);
    return ids;
  }
};

inline std::vector<Outcome> outcomes_of(Generation generation, int choices) {
  std::vector<Outcome> outcomes(static_cast<std::size_t>(choices));
  while (std::optional<Delta> delta = generation.next()) {
    Outcome& outcome = outcomes.at(static_cast<std::size_t>(delta->choice));
    outcome.text += delta->text;
    for (GeneratedToken& token : delta->tokens) outcome.generated.push_back(std::move(token));
    outcome.finish = delta->finish;
    outcome.stop_word = delta->stop_word;
    outcome.error = delta->error;
    outcome.timings = delta->timings;
    ++outcome.deltas;
  }
  return outcomes;
}

inline Outcome outcome_of(Generation generation) { return outcomes_of(std::move(generation), 1).front(); }

inline Outcome run(Engine& engine, Request request) {
  return outcome_of(engine.submit(std::move(request)).value());
}

}  // namespace banyan
