/// Reading the typed fields of a JSON request.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "banyan/base.h"

namespace banyan {

/// Keeps the order of fields, which chat templates and readers of answers see.
using Json = nlohmann::ordered_json;

/// Bytes of a name that a client made up which an error shows.
inline constexpr std::size_t kMaxNamed = 40;

/// The body of a request: one JSON object. Errors: invalid_argument (no JSON, not an object, or nested
/// deeper than any request needs, so that nothing recursive behind it overflows). Takes time linear in the
/// bytes (names are sorted), whatever they hold, and some 30 bytes of memory at most for each byte. Of
/// members of the same name the last counts; a lone surrogate, "\ud83d" without its other half, becomes
/// U+FFFD.
Result<Json> parse_object(std::string_view body);

/// As text; what is not UTF-8 is replaced.
std::string dump(const Json& json);

/// Whether no object in `value`, the field `name`, has more members than are fit for a chat template, to
/// whose objects each name is added by comparing it with all before it.
Result<> check_members(const Json& value, const std::string& name);

/// The largest int, as a limit of Fields::integer.
inline constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();

/// The fields of one object. A field that is absent or null has the fallback; the first that is
/// wrong is remembered (error()) and names itself, and reading may go on.
class Fields {
 public:
  /// `path` goes before the names in errors: "stream_options.". The object must outlive this.
  explicit Fields(const Json& object, std::string path = "") : object_(object), path_(std::move(path)) {}

  bool boolean(const char* name, bool fallback);
  /// A number without a fraction, within [least, most].
  std::int64_t integer(const char* name, std::int64_t fallback, std::int64_t least, std::int64_t most);
  float number(const char* name, float fallback, float least, float most);
  std::string string(const char* name, std::string fallback = "");
  /// Null when absent.
  const Json* array(const char* name);
  const Json* object(const char* name);
  const Json* any(const char* name) const;
  /// Any, and an error when absent.
  const Json* required(const char* name);
  /// A field's name in errors.
  std::string path(const std::string& name) const { return path_ + name; }

  /// Refuses what would change the answer and is not offered: a field that is there with another
  /// value than these.
  template <class... Values>
  void refuse_unless(const char* name, const Values&... harmless) {
    const Json* value = any(name);
    if (value && ((*value != Json(harmless)) && ...)) wrong(name, "is not supported", Errc::unsupported);
  }

  /// Records that a field is wrong: "NAME PROBLEM", as in "max_tokens must be a number".
  void wrong(const std::string& name, const std::string& problem, Errc code = Errc::invalid_argument);
  /// Records another reader's error.
  void wrong(Error error);
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json& object_;
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace banyan
