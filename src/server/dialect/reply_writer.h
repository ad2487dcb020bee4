/// What every dialect's writer makes of a reply.
#pragma once

#include <string>
#include <vector>

#include "banyan/engine.h"
#include "chat/chat_event.h"
#include "server/http/http_errors.h"
#include "server/json_fields.h"
#include "server/wire_event.h"

namespace banyan {

/// How a reply ended.
struct ReplyEnd {
  Finish finish = Finish::end;
  std::string stop_word = {};  ///< for Finish::stop
  Timings timings = {};
  int reasoning_tokens = 0;        ///< of those generated
  std::vector<Token> tokens = {};  ///< of the reply, where the writer wants_tokens()
};

/// One reply, told in order: begin, what happens, and end or fail. Each gives what a stream sends for it; who
/// does not stream drops that and takes the body at the end.
class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;

  /// The prompt is being read.
  virtual std::vector<WireEvent> begin(const Timings& timings) = 0;
  /// The prompt is still being read: what tells a client that counts events alone that the server is alive.
  virtual std::vector<WireEvent> wait() { return {}; }
  virtual std::vector<WireEvent> add(const ChatEvent& event) = 0;
  virtual std::vector<WireEvent> end(const ReplyEnd& end) = 0;
  /// The reply broke off; also before it began.
  virtual std::vector<WireEvent> fail(const HttpError& error) = 0;
  /// Whether the end is to have the reply's tokens.
  virtual bool wants_tokens() const { return false; }
  /// The whole answer. REQUIRES: end() was called.
  virtual Json body() const = 0;
};

}  // namespace banyan
