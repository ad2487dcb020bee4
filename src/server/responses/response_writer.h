/// A reply as OpenAI's response: named events of its output items, or the response object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/dialect/reply_writer.h"
#include "server/responses/tools.h"

namespace banyan {

struct ResponseOptions {
  std::string model;
  Json echo = Json::object();  ///< fields that repeat what was asked
  FunctionNames names = {};
  bool seals_thoughts = false;
  bool summarizes_thoughts = false;
  std::function<void(const Json&)> ended = {};  ///< called with the response that is whole, to keep it
};

class ResponseWriter final : public ReplyWriter {
 public:
  explicit ResponseWriter(ResponseOptions options);

  std::vector<WireEvent> begin(const Timings& timings) override;
  std::vector<WireEvent> wait() override;
  std::vector<WireEvent> add(const ChatEvent& event) override;
  std::vector<WireEvent> end(const ReplyEnd& end) override;
  std::vector<WireEvent> fail(const HttpError& error) override;
  Json body() const override;

 private:
  struct TextForm;
  static const TextForm kMessage, kThought, kSummary;

  // Events are numbered as they are made.
  void tell(const std::string& type, Json more, std::vector<WireEvent>& events);
  void tell_response(const std::string& type, std::vector<WireEvent>& events);
  // About the open item, or its part of text.
  void tell_item(const std::string& type, Json more, std::vector<WireEvent>& events);
  void tell_part(const std::string& type, Json more, std::vector<WireEvent>& events);

  void open(Json item, std::vector<WireEvent>& events);
  void open_text(const TextForm& form, std::vector<WireEvent>& events);
  void open_call(const ChatEvent& call, std::vector<WireEvent>& events);
  void add_text(const TextForm& form, const std::string& text, std::vector<WireEvent>& events);
  void close_text(std::vector<WireEvent>& events);
  void close_call(std::vector<WireEvent>& events);
  // The item that is open, if any, has ended.
  void close(const char* status, std::vector<WireEvent>& events);

  ResponseOptions options_;
  Json response_;
  Json item_;                       ///< the one that is open; null: none
  const TextForm* form_ = nullptr;  ///< of its text; null: it is a call
  std::string text_;                ///< what is said or thought in it, or the call's arguments
  std::int64_t sequence_ = 0;
};

}  // namespace banyan
