#include "chat/prompt/call_arguments.h"

#include <cstddef>
#include <vector>

#include "chat/prompt/fit_request.h"

namespace banyan {
namespace {

// Each name of an object is compared with all before it.
constexpr std::size_t kMaxMembers = 512;

}  // namespace

Json parse_arguments(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Json::object();
  bool is_fit = true;
  std::vector<std::size_t> members(kMaxJsonDepth + 1);  // so far, of the open objects
  const auto keep = [&](int depth, Json::parse_event_t event, const Json&) {
    using enum Json::parse_event_t;
    if (!is_fit) return false;
    const auto level = static_cast<std::size_t>(depth);
    if (event == object_start || event == array_start) {
      if (level >= kMaxJsonDepth) return is_fit = false;
      members[level + 1] = 0;
    }
    if (event == key && ++members[level] > kMaxMembers) return is_fit = false;
    return true;
  };
  Json parsed = Json::parse(text, keep, false);
  if (is_fit && parsed.is_null()) return Json::object();
  return is_fit && parsed.is_object() ? parsed : Json();
}

}  // namespace banyan
