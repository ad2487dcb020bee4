/// The tokens of a vocabulary in the order of their bytes: a walk over them takes each common beginning once.
///
/// Immutable: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"

namespace banyan {

class TokenTrie {
 public:
  /// `pieces[i]` are the bytes of the token i; tokens without bytes are left out.
  explicit TokenTrie(const std::vector<std::string>& pieces);

  std::size_t size() const { return entries_.size(); }
  Token token(std::size_t i) const { return entries_[i].token; }
  std::string_view bytes(std::size_t i) const {
    return std::string_view(bytes_).substr(entries_[i].begin, entries_[i].length);
  }
  /// How many bytes entry `i` has in common with the one before it.
  std::size_t common(std::size_t i) const { return entries_[i].common; }
  /// The entry with the most bytes of those that `text` begins with.
  std::optional<std::size_t> longest_in_front_of(std::string_view text) const;

 private:
  struct Entry {
    std::size_t begin;
    std::uint32_t length, common;
    Token token;
  };
  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace banyan
