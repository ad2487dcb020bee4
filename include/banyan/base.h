/// The words that every floor uses: tokens, errors as values, and caught misuse.
///
/// Everything here is safe to use from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace banyan {

/// A token id of a model's vocabulary. Never negative in a token path.
using Token = std::int32_t;
using TokenSpan = std::span<const Token>;

/// What kind of failure an Error is, chosen so that a caller knows what to do next.
enum class Errc {
  invalid_argument,  ///< the caller's input is wrong; trying again does not help
  unsupported,       ///< well-formed, but not something this build or model can do
  corrupt,           ///< a file or message is damaged
  io,                ///< the operating system refused; the message names the path
  out_of_memory,     ///< the memory budget cannot hold it, even after eviction
  too_long,          ///< the prompt does not fit the context, or the memory budget by itself
  busy,              ///< the queue is full; try again later
  not_found,         ///< what the input names is not there
  cancelled,         ///< the caller gave up, or the engine is stopping
  internal,          ///< a fault of this program; what else runs goes on
};

/// A failure: its kind, a sentence that names the offending thing, and, where the input had named
/// fields, the field.
struct Error {
  Errc code = Errc::invalid_argument;
  std::string message;
  std::string field = {};
};

/// A value or an Error.
template <class T = void>
using Result = std::expected<T, Error>;

/// Makes the error arm of a Result.
inline std::unexpected<Error> fail(Errc code, std::string message, std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}

/// Thrown when a caller breaks a precondition (a `REQUIRES:` line); nothing was changed. It is a programmer's
/// mistake, not a run-time condition, so callers need not handle it. The engine's thread catches it as it
/// does any other exception: it ends the requests that are affected with an error, and goes on.
class Misuse : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Checks a precondition in every build.
inline void require(bool holds, const char* what) {
  if (!holds) throw Misuse(what);
}

}  // namespace banyan
