#include "model/model_file.h"

#include <cmath>
#include <cstring>
#include <format>

#include "model/ggml_runtime.h"

namespace banyan {
namespace {

// Of a model that is split; as many as fit in their keys.
constexpr std::int64_t kMostParts = UINT16_MAX;

template <class T>
T element(const void* data, std::size_t i) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(data) + i * sizeof(T), sizeof(T));
  return value;
}

std::optional<std::int64_t> integer_element(gguf_type type, const void* data, std::size_t i) {
  switch (type) {
    case GGUF_TYPE_UINT8:
      return element<std::uint8_t>(data, i);
    case GGUF_TYPE_INT8:
      return element<std::int8_t>(data, i);
    case GGUF_TYPE_UINT16:
      return element<std::uint16_t>(data, i);
    case GGUF_TYPE_INT16:
      return element<std::int16_t>(data, i);
    case GGUF_TYPE_UINT32:
      return element<std::uint32_t>(data, i);
    case GGUF_TYPE_INT32:
      return element<std::int32_t>(data, i);
    case GGUF_TYPE_INT64:
      return element<std::int64_t>(data, i);
    case GGUF_TYPE_UINT64: {
      const auto value = element<std::uint64_t>(data, i);
      if (value > INT64_MAX) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::string element_text(gguf_type type, const void* data, std::size_t i) {
  if (const auto integer = integer_element(type, data, i)) return std::to_string(*integer);
  switch (type) {
    case GGUF_TYPE_UINT64:
      return std::to_string(element<std::uint64_t>(data, i));
    case GGUF_TYPE_FLOAT32:
      return std::format("{}", element<float>(data, i));
    case GGUF_TYPE_FLOAT64:
      return std::format("{}", element<double>(data, i));
    default:
      return element<std::uint8_t>(data, i) != 0 ? "true" : "false";
  }
}

std::optional<double> number(gguf_type type, const void* data, std::size_t i) {
  if (const auto integer = integer_element(type, data, i)) return static_cast<double>(*integer);
  switch (type) {
    case GGUF_TYPE_UINT64:
      return static_cast<double>(element<std::uint64_t>(data, i));
    case GGUF_TYPE_FLOAT32:
      return element<float>(data, i);
    case GGUF_TYPE_FLOAT64:
      return element<double>(data, i);
    case GGUF_TYPE_BOOL:
      return element<std::uint8_t>(data, i) != 0 ? 1 : 0;
    default:
      return std::nullopt;
  }
}

std::string array_text(const gguf_context* gguf, std::int64_t key) {
  constexpr std::size_t kShown = 8;
  const gguf_type type = gguf_get_arr_type(gguf, key);
  const std::size_t size = gguf_get_arr_n(gguf, key);
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(size, kShown); ++i) {
    if (i > 0) text += ", ";
    text += type == GGUF_TYPE_STRING ? std::format("\"{}\"", gguf_get_arr_str(gguf, key, i))
                                     : element_text(type, gguf_get_arr_data(gguf, key), i);
  }
  return text + (size > kShown ? std::format(", ...] ({} in all)", size) : "]");
}

std::string value_text(const gguf_context* gguf, std::int64_t key) {
  const gguf_type type = gguf_get_kv_type(gguf, key);
  if (type == GGUF_TYPE_ARRAY) return array_text(gguf, key);
  if (type == GGUF_TYPE_STRING) return gguf_get_val_str(gguf, key);
  return element_text(type, gguf_get_val_data(gguf, key), 0);
}

}  // namespace

std::string shape_text(std::span<const std::int64_t> shape) {
  while (shape.size() > 1 && shape.back() == 1) shape = shape.first(shape.size() - 1);
  std::string text = "[";
  for (const std::int64_t n : shape) text += std::format("{}{}", text.size() > 1 ? ", " : "", n);
  return text + "]";
}

Result<gguf_context_ptr> ModelFile::add_file(const std::string& path) {
  auto mapping = MappedFile::open(path);
  if (!mapping) return std::unexpected(mapping.error());
  const std::span<const std::byte> bytes = (*mapping)->bytes();
  if (bytes.empty()) return fail(Errc::corrupt, path + ": the file is empty");
  gguf_context_ptr keys;
  {
    LogCapture log;
    keys.reset(gguf_init_from_buffer(bytes.data(), bytes.size(), {.no_alloc = true, .ctx = nullptr}));
    if (!keys) return fail(Errc::corrupt, path + ": not a readable GGUF file: " + log.first_error());
  }

  // ggml's kernels count on aligned rows, and GGUF's default is what every writer uses.
  if (const std::size_t alignment = gguf_get_alignment(keys.get()); alignment % GGUF_DEFAULT_ALIGNMENT != 0) {
    return fail(Errc::unsupported,
                std::format("{}: {} is {}; a multiple of {} expected", path, GGUF_KEY_GENERAL_ALIGNMENT,
                            alignment, GGUF_DEFAULT_ALIGNMENT));
  }
  mappings_.push_back(std::move(*mapping));
  return keys;
}

Result<> ModelFile::add_tensors(const gguf_context* gguf) {
  const std::string& path = mappings_.back()->path();
  const std::span<const std::byte> bytes = mappings_.back()->bytes();
  const std::size_t data_offset = gguf_get_data_offset(gguf);
  const auto count = static_cast<std::size_t>(gguf_get_n_tensors(gguf));
  tensors_.reserve(tensors_.size() + count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<std::int64_t>(i);
    Tensor tensor;
    tensor.name = gguf_get_tensor_name(gguf, id);
    tensor.type = gguf_get_tensor_type(gguf, id);
    tensor.file = mappings_.size() - 1;
    std::memcpy(tensor.shape.data(), gguf_get_tensor_ne(gguf, id), sizeof(tensor.shape));
    const std::size_t offset = gguf_get_tensor_offset(gguf, id);
    const std::size_t size = gguf_get_tensor_size(gguf, id);
    if (data_offset > bytes.size() || offset > bytes.size() - data_offset ||
        size > bytes.size() - data_offset - offset) {
      return fail(Errc::corrupt,
                  std::format("{}: the file ends inside tensor '{}', which needs bytes {} to {} of {}", path,
                              tensor.name, data_offset + offset, data_offset + offset + size, bytes.size()));
    }
    tensor.data = bytes.subspan(data_offset + offset, size);
    const auto [other, is_new] = index_.emplace(tensor.name, tensors_.size());
    if (!is_new) {
      return fail(Errc::corrupt,
                  std::format("{}: tensor '{}' is also in {}; they are not parts of one model", path,
                              tensor.name, mappings_[tensors_[other->second].file]->path()));
    }
    tensors_.push_back(std::move(tensor));
  }
  return {};
}

Result<ModelFile> ModelFile::open(const std::string& path) {
  ModelFile file;
  auto keys = file.add_file(path);
  if (!keys) return std::unexpected(keys.error());
  file.gguf_ = std::move(*keys);
  if (auto added = file.add_tensors(file.gguf_.get()); !added) return std::unexpected(added.error());
  if (auto added = file.add_parts(); !added) return std::unexpected(added.error());
  return file;
}

Result<> ModelFile::add_parts() {
  const auto integer_of = [](const gguf_context* gguf, const char* key) -> std::int64_t {
    const std::int64_t id = gguf_find_key(gguf, key);
    if (id < 0) return -1;
    const gguf_type type = gguf_get_kv_type(gguf, id);
    if (type == GGUF_TYPE_ARRAY || type == GGUF_TYPE_STRING) return -1;
    const std::int64_t value = integer_element(type, gguf_get_val_data(gguf, id), 0).value_or(-1);
    return value < INT32_MAX ? value : -1;
  };
  constexpr const char* kCount = "split.count";
  constexpr const char* kNumber = "split.no";
  constexpr const char* kTensors = "split.tensors.count";
  if (!has(kCount)) return {};
  const std::string& first = path();
  const std::int64_t count = integer_of(gguf_.get(), kCount);
  if (count == 0 || count == 1) return {};
  if (count < 0 || count > kMostParts) {
    return fail(Errc::corrupt,
                std::format("{}: key '{}' is no number of parts up to {}", first, kCount, kMostParts));
  }
  const std::int64_t at = integer_of(gguf_.get(), kNumber);
  if (at < 0 || at >= count) {
    return fail(Errc::corrupt,
                std::format("{}: a part of {}, but key '{}' does not say which", first, count, kNumber));
  }
  const auto ending = [count](std::int64_t part) {
    return std::format("-{:05}-of-{:05}.gguf", part + 1, count);
  };
  const std::string own_ending = ending(at);
  const std::string name =
      first.ends_with(own_ending) ? first.substr(0, first.size() - own_ending.size()) : std::string();
  if (at != 0) {
    return fail(Errc::invalid_argument,
                std::format("{}: part {} of a model in {} files; open the first, {}", first, at + 1, count,
                            name.empty() ? "whose name ends with " + ending(0) : name + ending(0)));
  }
  if (name.empty()) {
    return fail(Errc::invalid_argument,
                std::format("{}: the first of {} files of a model, which must be named "
                            "alike and end with {}, {} and so on",
                            first, count, ending(0), ending(1)));
  }

  const std::int64_t tensors = integer_of(gguf_.get(), kTensors);
  for (std::int64_t part = 1; part < count; ++part) {
    const std::string path = name + ending(part);
    const auto of_part = [&](const Error& error) {
      return fail(error.code, std::format("{} (part {} of {} of the model)", error.message, part + 1, count));
    };
    const auto keys = add_file(path);
    if (!keys) return of_part(keys.error());
    const std::int64_t its_count = integer_of(keys->get(), kCount);
    const std::int64_t its_number = integer_of(keys->get(), kNumber);
    if (its_count != count || its_number != part) {
      const std::string says =
          its_count < 0 || its_number < 0
              ? "it does not say that it is a part of a model"
              : std::format("it says that it is part {} of {}", its_number + 1, its_count);
      return fail(Errc::corrupt, std::format("{}: {}; part {} of {} expected", path, says, part + 1, count));
    }
    if (const std::int64_t its_tensors = integer_of(keys->get(), kTensors); its_tensors != tensors) {
      return fail(Errc::corrupt, std::format("{}: a part of another model than {}: of {} tensors, not of {}",
                                             path, first, its_tensors, tensors));
    }
    if (const auto added = add_tensors(keys->get()); !added) return of_part(added.error());
  }
  if (tensors >= 0 && static_cast<std::size_t>(tensors) != tensors_.size()) {
    return fail(Errc::corrupt, std::format("{}: its {} parts have {} tensors; key '{}' says {}", first, count,
                                           tensors_.size(), kTensors, tensors));
  }
  return {};
}

bool ModelFile::has(const std::string& key) const { return gguf_find_key(gguf_.get(), key.c_str()) >= 0; }

bool ModelFile::is_array(const std::string& key) const {
  const std::int64_t id = gguf_find_key(gguf_.get(), key.c_str());
  return id >= 0 && gguf_get_kv_type(gguf_.get(), id) == GGUF_TYPE_ARRAY;
}

std::int64_t ModelFile::find_key(const std::string& key, bool required) {
  read_.insert(key);
  const std::int64_t id = gguf_find_key(gguf_.get(), key.c_str());
  if (id < 0 && required) refuse(Errc::corrupt, std::format("key '{}' is missing", key));
  return id;
}

std::string ModelFile::text(const std::string& key) {
  const std::int64_t id = find_key(key, true);
  if (id < 0) return "";
  if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_STRING) {
    refuse(Errc::corrupt, std::format("key '{}' is {}; a string expected", key,
                                      gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    return "";
  }
  return gguf_get_val_str(gguf_.get(), id);
}

std::string ModelFile::text_or(const std::string& key, std::string_view fallback) {
  return has(key) ? text(key) : std::string(fallback);
}

int ModelFile::integer(const std::string& key, int min, int max) {
  const std::int64_t id = find_key(key, true);
  if (id < 0) return min;
  const gguf_type type = gguf_get_kv_type(gguf_.get(), id);
  if (type == GGUF_TYPE_ARRAY) {
    refuse(Errc::unsupported, std::format("key '{}' differs between layers", key));
    return min;
  }
  if (type == GGUF_TYPE_STRING || type == GGUF_TYPE_BOOL || type == GGUF_TYPE_FLOAT32 ||
      type == GGUF_TYPE_FLOAT64) {
    refuse(Errc::corrupt, std::format("key '{}' is {}; an integer expected", key, gguf_type_name(type)));
    return min;
  }
  const void* data = gguf_get_val_data(gguf_.get(), id);
  const auto value = integer_element(type, data, 0);
  if (!value || *value < min || *value > max) {
    refuse(Errc::corrupt,
           std::format("key '{}' is {}; {} to {} expected", key, element_text(type, data, 0), min, max));
    return min;
  }
  return static_cast<int>(*value);
}

int ModelFile::integer_or(const std::string& key, int min, int max, int fallback) {
  return has(key) ? integer(key, min, max) : fallback;
}

float ModelFile::real(const std::string& key, float min, float max) {
  const std::int64_t id = find_key(key, true);
  if (id < 0) return min;
  const gguf_type type = gguf_get_kv_type(gguf_.get(), id);
  if (type != GGUF_TYPE_FLOAT32 && type != GGUF_TYPE_FLOAT64) {
    refuse(Errc::corrupt, std::format("key '{}' is {}; a real number expected", key, gguf_type_name(type)));
    return min;
  }
  const void* data = gguf_get_val_data(gguf_.get(), id);
  const double value = type == GGUF_TYPE_FLOAT32 ? element<float>(data, 0) : element<double>(data, 0);
  if (!(value >= min && value <= max)) {  // also when it is not a number
    refuse(Errc::corrupt, std::format("key '{}' is {}; {} to {} expected", key, value, min, max));
    return min;
  }
  return static_cast<float>(value);
}

float ModelFile::real_or(const std::string& key, float min, float max, float fallback) {
  return has(key) ? real(key, min, max) : fallback;
}

bool ModelFile::flag_or(const std::string& key, bool fallback) {
  const std::int64_t id = find_key(key, false);
  if (id < 0) return fallback;
  if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_BOOL) {
    refuse(Errc::corrupt, std::format("key '{}' is {}; a truth value expected", key,
                                      gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    return fallback;
  }
  return gguf_get_val_bool(gguf_.get(), id);
}

std::optional<std::vector<bool>> ModelFile::flags(const std::string& key, std::size_t count) {
  const std::optional<std::size_t> size = array_size(key);
  if (!size) return std::nullopt;
  const std::int64_t id = find_key(key, true);
  if (*size != count || gguf_get_arr_type(gguf_.get(), id) != GGUF_TYPE_BOOL) {
    refuse(Errc::corrupt, std::format("key '{}' is not an array of {} truth values", key, count));
    return std::nullopt;
  }
  const auto* data = static_cast<const std::int8_t*>(gguf_get_arr_data(gguf_.get(), id));
  return std::vector<bool>(data, data + count);
}

std::optional<std::size_t> ModelFile::array_size(const std::string& key) {
  const std::int64_t id = find_key(key, false);
  if (id < 0) return std::nullopt;
  if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_ARRAY) {
    refuse(Errc::corrupt, std::format("key '{}' is {}; an array expected", key,
                                      gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    return std::nullopt;
  }
  return gguf_get_arr_n(gguf_.get(), id);
}

const ModelFile::Tensor* ModelFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

std::vector<std::pair<std::string, std::string>> ModelFile::metadata() const {
  const gguf_context* gguf = gguf_.get();
  std::vector<std::pair<std::string, std::string>> all;
  for (std::int64_t id = 0; id < gguf_get_n_kv(gguf); ++id) {
    all.emplace_back(gguf_get_key(gguf, id), value_text(gguf, id));
  }
  return all;
}

std::vector<ModelFile::UnreadKey> ModelFile::unread(std::string_view prefix) const {
  const gguf_context* gguf = gguf_.get();
  std::vector<UnreadKey> all;
  for (std::int64_t id = 0; id < gguf_get_n_kv(gguf); ++id) {
    const std::string_view name = gguf_get_key(gguf, id);
    if (!name.starts_with(prefix) || read_.contains(name)) continue;
    UnreadKey& key = all.emplace_back(std::string(name), value_text(gguf, id), std::vector<double>());
    const bool is_array = gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY;
    const gguf_type type = is_array ? gguf_get_arr_type(gguf, id) : gguf_get_kv_type(gguf, id);
    if (type == GGUF_TYPE_STRING) continue;
    const void* data = is_array ? gguf_get_arr_data(gguf, id) : gguf_get_val_data(gguf, id);
    for (std::size_t i = 0; i < (is_array ? gguf_get_arr_n(gguf, id) : 1); ++i) {
      if (const auto value = number(type, data, i)) key.numbers.push_back(*value);
    }
  }
  return all;
}

void ModelFile::refuse(Errc code, std::string_view what) {
  if (!error_) error_ = Error{code, std::format("{}: {}", path(), what)};
}

Result<> ModelFile::status() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace banyan
