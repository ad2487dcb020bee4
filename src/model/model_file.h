/// A GGUF file as models are read from it, or several that a model is split into, whose keys are in the first
/// and whose tensors are in any. Nothing in it is trusted: every read is checked, and the
/// first thing found wrong is kept, so that a reader asks for all it needs and looks at status()
/// once. After a failure, reads return their minimum or an empty value.
#pragma once

#include <ggml-cpp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banyan/base.h"
#include "model/mapped_file.h"

namespace banyan {

class ModelFile {
 public:
  struct Tensor {
    std::string name;
    ggml_type type = GGML_TYPE_F32;
    std::array<std::int64_t, GGML_MAX_DIMS> shape = {};  ///< fastest first
    std::span<const std::byte> data;                     ///< in the mapping
    std::size_t file = 0;                                ///< of mappings(), that has the data
  };

  /// Maps and parses the file, and the other parts if it is the first of several, and checks that the data of
  /// all tensors lies inside. Errors: io, corrupt, unsupported.
  static Result<ModelFile> open(const std::string& path);

  const std::string& path() const { return mappings_.front()->path(); }
  /// Of the file, and of the other parts in order.
  std::span<const std::unique_ptr<MappedFile>> mappings() const { return mappings_; }
  /// Hands the mappings over; tensors stay valid as long as they.
  std::vector<std::unique_ptr<MappedFile>> take_mappings() { return std::move(mappings_); }

  bool has(const std::string& key) const;
  std::string text(const std::string& key);
  std::string text_or(const std::string& key, std::string_view fallback);
  /// A number in [min, max]; any of GGUF's integer types will do.
  int integer(const std::string& key, int min, int max);
  int integer_or(const std::string& key, int min, int max, int fallback);
  /// A finite number in [min, max].
  float real(const std::string& key, float min, float max);
  float real_or(const std::string& key, float min, float max, float fallback);
  bool flag_or(const std::string& key, bool fallback);
  /// An array of `count` truth values; nothing if there is no such key.
  std::optional<std::vector<bool>> flags(const std::string& key, std::size_t count);
  bool is_array(const std::string& key) const;
  /// The length of an array; nothing if there is no such key.
  std::optional<std::size_t> array_size(const std::string& key);

  std::span<const Tensor> tensors() const { return tensors_; }
  /// Null if the file has none of this name.
  const Tensor* find(std::string_view name) const;

  /// The metadata as (key, text), long arrays shortened.
  std::vector<std::pair<std::string, std::string>> metadata() const;

  struct UnreadKey {
    std::string name;
    std::string text;             ///< its value, as metadata() has it
    std::vector<double> numbers;  ///< its value, or an array's; truth values are 0 and 1; none of strings
  };
  /// The keys that begin with `prefix` and whose value no one has asked for.
  std::vector<UnreadKey> unread(std::string_view prefix) const;

  /// Keeps what is wrong with the file, if it is the first such thing.
  void refuse(Errc code, std::string_view what);
  bool ok() const { return !error_.has_value(); }
  Result<> status() const;

 private:
  /// Maps and parses the next file. Returns what it has.
  Result<gguf_context_ptr> add_file(const std::string& path);
  /// Appends the tensors of the last file that was added.
  Result<> add_tensors(const gguf_context* gguf);
  /// Adds the other parts of a model that is split, if the file is the first of them.
  Result<> add_parts();
  /// The key's place, or -1 and, if `required`, a refusal.
  std::int64_t find_key(const std::string& key, bool required);

  std::vector<std::unique_ptr<MappedFile>> mappings_;
  gguf_context_ptr gguf_;  ///< of the first file
  std::vector<Tensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;  ///< names in tensors_
  std::set<std::string, std::less<>> read_;                ///< keys whose values were asked for
  std::optional<Error> error_;
};

/// A shape as messages show it: "[64, 256]", without trailing ones.
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace banyan
