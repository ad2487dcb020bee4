/// The head of an HTTP request, before httplib reads it: its end, what is wrong with it, and what a server
/// must know to keep the connection.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace banyan {

/// The most bytes of a head; a longer one is refused before its end is there.
constexpr std::size_t kMaxHeadBytes = std::size_t{64} << 10;

struct RequestHead {
  /// For httplib: the target in origin form, lines that end as it wants them, and no headers that it would
  /// act upon and that mean nothing here (Range, Accept).
  std::string text;
  int refused = 0;             ///< the status to refuse it with; 0: none
  std::size_t body_bytes = 0;  ///< Content-Length
  bool is_chunked = false;     ///< the body comes in chunks, of which httplib finds the end
  bool closes = false;         ///< the connection ends with this request
  bool is_health = false;      ///< asks for the server's health, without a body
};

/// The bytes of the head that `bytes` begin with, its empty line included; 0: its end has not come. Bytes
/// before `from` were looked at before.
std::size_t head_size(std::string_view bytes, std::size_t from);

/// `head`: with its empty line.
RequestHead read_head(std::string_view head);

/// The status for a head that is too long, from what came of it.
int too_long_status(std::string_view begin);

}  // namespace banyan
