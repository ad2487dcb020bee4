#include "server/dialect/ids.h"

#include <chrono>
#include <format>
#include <random>

namespace banyan {

std::string random_id(std::string_view prefix) {
  // Not to be guessed: who knows the id of a response may read the conversation.
  std::random_device random;
  return std::format("{}{:08x}{:08x}{:08x}", prefix, random(), random(), random());
}

std::int64_t unix_seconds() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

std::string iso_time(std::int64_t seconds) {
  return std::format("{:%FT%T}Z", std::chrono::sys_seconds(std::chrono::seconds(seconds)));
}

}  // namespace banyan
