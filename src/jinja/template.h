/// Jinja for chat templates, as transformers renders them: jinja2's sandbox with trim_blocks and
/// lstrip_blocks, break and continue, {% generation %}, and transformers' tojson, raise_exception and
/// strftime_now.
///
/// A template is someone else's program. It ends: what it may cost is limited (Limits), and it reaches
/// nothing but its context. Where it differs from jinja2: integers have 64 bits; filters such as map give
/// lists that can be read twice; `safe` changes nothing, and `escape` gives a plain string; upper and lower
/// case are those of Latin, Greek and Cyrillic; there is no include, import, extends, block, and no filter
/// random.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "jinja/limits.h"

namespace banyan::jinja {

struct Tree;

/// Immutable once parsed: any number of threads may render it at the same time.
class Template {
 public:
  /// Errors: invalid_argument, with the line; unsupported past a limit of nesting or size, which it names.
  static Result<Template> parse(std::string_view source);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// `context`, an object, holds the variables. `now` is what strftime_now shows, in local time.
  /// Errors: invalid_argument, with the line; unsupported past one of the limits, which it names.
  Result<std::string> render(
      const nlohmann::ordered_json& context, const Limits& limits = {},
      std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const;

 private:
  explicit Template(std::unique_ptr<const Tree> tree);
  std::unique_ptr<const Tree> tree_;
};

}  // namespace banyan::jinja
