/// An exception as an error of a reply.
#pragma once

#include <exception>
#include <new>

#include "banyan/base.h"

namespace banyan {

/// What was thrown. Where there is no memory for the words, only its kind.
inline Error fault_of(const std::exception& thrown) noexcept {
  const bool is_memory = dynamic_cast<const std::bad_alloc*>(&thrown) != nullptr;
  Error error{.code = is_memory ? Errc::out_of_memory : Errc::internal, .message = {}, .field = {}};
  try {
    error.message = is_memory ? "the system has no memory left" : thrown.what();
  } catch (const std::bad_alloc&) {
  }
  return error;
}

}  // namespace banyan
