#include "server/json_fields.h"

#include <cmath>
#include <format>
#include <utility>

namespace banyan {
namespace {

constexpr int kMaxDepth = 64;

}  // namespace

Result<Json> parse_object(std::string_view body) {
  bool too_deep = false;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    too_deep |= depth > kMaxDepth;
    return !too_deep;
  };
  Json json;
  try {
    json = Json::parse(body, limit_depth);
  } catch (const Json::parse_error& error) {
    return fail(Errc::invalid_argument, std::format("the body is not valid JSON (at byte {})", error.byte));
  } catch (const Json::exception&) {
    return fail(Errc::invalid_argument, "the body holds a number out of range");
  }
  if (too_deep) {
    return fail(Errc::invalid_argument, std::format("the body is nested deeper than {} levels", kMaxDepth));
  }
  if (!json.is_object()) return fail(Errc::invalid_argument, "the body must be a JSON object");
  return json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

const Json* Fields::any(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json* Fields::required(const char* name) {
  const Json* value = any(name);
  if (!value) wrong(name, "is required");
  return value;
}

bool Fields::boolean(const char* name, bool fallback) {
  const Json* value = any(name);
  if (!value) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  wrong(name, "must be true or false");
  return fallback;
}

std::int64_t Fields::integer(const char* name, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  const Json* value = any(name);
  if (!value) return fallback;
  // Some languages write every number with a fraction.
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (number != std::trunc(number)) {
    wrong(name, "must be an integer");
  } else if (number < static_cast<double>(least) || number > static_cast<double>(most)) {
    wrong(name, std::format("must be from {} to {}", least, most));
  } else {
    return value->is_number_integer() ? value->get<std::int64_t>() : static_cast<std::int64_t>(number);
  }
  return fallback;
}

float Fields::number(const char* name, float fallback, float least, float most) {
  const Json* value = any(name);
  if (!value) return fallback;
  if (!value->is_number()) {
    wrong(name, "must be a number");
  } else if (const auto number = value->get<double>(); number < least || number > most) {
    wrong(name, std::format("must be from {} to {}", least, most));
  } else {
    return static_cast<float>(number);
  }
  return fallback;
}

std::string Fields::string(const char* name, std::string fallback) {
  const Json* value = any(name);
  if (!value) return fallback;
  if (value->is_string()) return value->get<std::string>();
  wrong(name, "must be a string");
  return fallback;
}

const Json* Fields::array(const char* name) {
  const Json* value = any(name);
  if (!value || value->is_array()) return value;
  wrong(name, "must be an array");
  return nullptr;
}

const Json* Fields::object(const char* name) {
  const Json* value = any(name);
  if (!value || value->is_object()) return value;
  wrong(name, "must be an object");
  return nullptr;
}

void Fields::wrong(const std::string& name, const std::string& problem, Errc code) {
  wrong(Error{code, path_ + name + " " + problem, path_ + name});
}

void Fields::wrong(Error error) {
  if (!error_) error_ = std::move(error);
}

}  // namespace banyan
