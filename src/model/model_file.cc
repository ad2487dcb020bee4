#include "model/model_file.h"

#include <cmath>
#include <cstring>
#include <format>

#include "model/ggml_runtime.h"

namespace banyan {
namespace {

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

Result<ModelFile> ModelFile::open(const std::string& path) {
  auto mapping = MappedFile::open(path);
  if (!mapping) return std::unexpected(mapping.error());
  ModelFile file;
  file.mapping_ = std::move(*mapping);
  const std::span<const std::byte> bytes = file.mapping_->bytes();
  if (bytes.empty()) return fail(Errc::corrupt, path + ": the file is empty");
  {
    LogCapture log;
    file.gguf_.reset(gguf_init_from_buffer(bytes.data(), bytes.size(), {.no_alloc = true, .ctx = nullptr}));
    if (!file.gguf_) return fail(Errc::corrupt, path + ": not a readable GGUF file: " + log.first_error());
  }

  const gguf_context* gguf = file.gguf_.get();
  // ggml's kernels count on aligned rows, and GGUF's default is what every writer uses.
  if (gguf_get_alignment(gguf) % GGUF_DEFAULT_ALIGNMENT != 0) {
    return fail(Errc::unsupported,
                std::format("{}: {} is {}; a multiple of {} expected", path, GGUF_KEY_GENERAL_ALIGNMENT,
                            gguf_get_alignment(gguf), GGUF_DEFAULT_ALIGNMENT));
  }
  const std::size_t data_offset = gguf_get_data_offset(gguf);
  const auto count = static_cast<std::size_t>(gguf_get_n_tensors(gguf));
  file.tensors_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<std::int64_t>(i);
    Tensor tensor;
    tensor.name = gguf_get_tensor_name(gguf, id);
    tensor.type = gguf_get_tensor_type(gguf, id);
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
    file.tensors_.push_back(std::move(tensor));
  }
  for (std::size_t i = 0; i < count; ++i) file.index_[file.tensors_[i].name] = i;
  return file;
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
