/// How the events of a stream are written.
///
/// Any thread.
#pragma once

#include <string>
#include <string_view>

#include "server/wire_event.h"

namespace banyan {

class StreamForm {
 public:
  virtual ~StreamForm() = default;

  virtual const char* content_type() const = 0;
  virtual std::string write(const WireEvent& event) const = 0;
  /// What tells a client that waits that the stream is alive, and means nothing else; "": there is no such
  /// thing.
  virtual std::string_view ping() const = 0;
  /// After the last event.
  virtual std::string_view end() const = 0;
};

/// Server-sent events.
const StreamForm& event_stream();
/// Those that end with "data: [DONE]", as OpenAI's do.
const StreamForm& event_stream_until_done();
/// An object on each line, without a name.
const StreamForm& json_lines();

}  // namespace banyan
