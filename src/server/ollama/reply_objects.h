/// A reply as Ollama's objects: one for each piece, of which the last has the counts, or one for all.
#pragma once

#include <string>
#include <vector>

#include "server/dialect/reply_writer.h"

namespace banyan {

struct OllamaOptions {
  std::string model;
  bool is_chat = true;  ///< else a generation
  /// Of a generation whose answer says the conversation's tokens: those of its prompt.
  std::vector<Token> context = {};
};

class OllamaWriter final : public ReplyWriter {
 public:
  explicit OllamaWriter(OllamaOptions options) : options_(std::move(options)) {}

  std::vector<WireEvent> begin(const Timings& timings) override;
  std::vector<WireEvent> add(const ChatEvent& event) override;
  std::vector<WireEvent> end(const ReplyEnd& end) override;
  std::vector<WireEvent> fail(const HttpError& error) override;
  bool wants_tokens() const override { return !options_.context.empty(); }
  Json body() const override;

 private:
  // What was said, or what is said in one piece.
  struct Said {
    std::string text = {}, thought = {};
    Json calls = Json::array();
  };
  Json object(const Said& said, Json rest) const;

  OllamaOptions options_;
  Said said_;
  // What came of a call that broke off, as text.
  void give_up_call(std::vector<WireEvent>& events);

  std::string id_, name_, arguments_;  ///< of the call that is being made; the name is empty where none is
  Json counts_;
};

/// The answer to a request that only loads or unloads the model.
Json ollama_loaded_json(const OllamaOptions& options, bool unloads);

/// {"error": text}.
Json ollama_error(const HttpError& error);

}  // namespace banyan
