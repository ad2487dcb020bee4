/// Numbers as bytes in files: little-endian, one after the other.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace banyan {

/// Adds numbers and bytes to the end of a buffer.
class ByteWriter {
 public:
  template <std::integral T>
  void put(T number) {
    if constexpr (std::endian::native == std::endian::big) number = std::byteswap(number);
    const auto bytes = std::as_bytes(std::span(&number, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void put(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  std::span<const std::byte> bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Takes numbers and bytes from the front of a buffer. What lies beyond its end reads as zeros, and is_good()
/// tells.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : left_(bytes) {}

  template <std::integral T>
  T get() {
    T number = 0;
    const auto bytes = get_bytes(sizeof(T));
    if (bytes.size() < sizeof(T)) return 0;
    std::memcpy(&number, bytes.data(), sizeof(T));
    if constexpr (std::endian::native == std::endian::big) number = std::byteswap(number);
    return number;
  }
  /// Empty where there are fewer than `count` left.
  std::span<const std::byte> get_bytes(std::size_t count) {
    is_good_ = is_good_ && count <= left_.size();
    if (!is_good_) return {};
    const auto bytes = left_.first(count);
    left_ = left_.subspan(count);
    return bytes;
  }

  std::size_t left() const { return left_.size(); }
  bool is_good() const { return is_good_; }

 private:
  std::span<const std::byte> left_;
  bool is_good_ = true;
};

}  // namespace banyan
