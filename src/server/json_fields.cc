#include "server/json_fields.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <format>
#include <numeric>
#include <utility>
#include <vector>

#include "server/json_text.h"

namespace banyan {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxMembers = 512;

using Members = std::vector<std::pair<std::string, Json>>;

// Leaves one member of each name: where the first was, with the value of the last, as other parsers do.
void join_equal_names(Members& members) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto name = [&](std::size_t i) -> const std::string& { return members[i].first; };
  std::ranges::stable_sort(order, {}, name);
  std::vector<bool> superfluous(members.size());
  bool any = false;
  for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
    if (name(order[i]) != name(order[first])) {
      first = i;
      continue;
    }
    members[order[first]].second = std::move(members[order[i]].second);
    superfluous[order[i]] = any = true;
  }
  if (!any) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (superfluous[i]) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.resize(kept);
}

// Builds the value from the parser's events. Json::parse looks for each name among all before it, which takes
// quadratic time for an object of many members; here they are gathered, and joined once at the object's end.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Json take() { return std::move(result_); }
  bool is_too_deep() const { return too_deep_; }
  bool is_out_of_range() const { return out_of_range_; }
  std::size_t error_byte() const { return error_byte_; }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& name) override {
    open_.back().members.emplace_back(std::move(name), nullptr);
    return true;
  }
  bool end_object() override {
    Members members = std::move(open_.back().members);
    open_.pop_back();
    join_equal_names(members);
    Json object = Json::object();
    // The base class, whose emplace_back does not look for the name.
    Json::object_t::Container& all = object.get_ref<Json::object_t&>();
    all.reserve(members.size());
    for (auto& [name, value] : members) all.emplace_back(std::move(name), std::move(value));
    return add(std::move(object));
  }
  bool end_array() override {
    std::vector<Json> items = std::move(open_.back().items);
    open_.pop_back();
    items.shrink_to_fit();
    return add(Json(std::move(items)));
  }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& error) override {
    constexpr int kNumberOverflow = 406;
    error_byte_ = byte;
    out_of_range_ = error.id == kNumberOverflow;
    return false;
  }

 private:
  // An object or array whose end has not come.
  struct Open {
    Members members;
    std::vector<Json> items;
  };

  bool open() {
    too_deep_ = open_.size() > kMaxDepth;
    if (!too_deep_) open_.emplace_back();
    return !too_deep_;
  }

  bool add(Json value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (Open& parent = open_.back(); !parent.members.empty()) {
      parent.members.back().second = std::move(value);
    } else {
      parent.items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Open> open_;
  Json result_;
  bool too_deep_ = false;
  bool out_of_range_ = false;
  std::size_t error_byte_ = 0;
};

}  // namespace

Result<Json> parse_object(std::string_view body) {
  if (body.empty()) return fail(Errc::invalid_argument, "the body is empty; it must be a JSON object");
  std::string repaired;
  if (has_lone_surrogate(body)) body = repaired = replace_lone_surrogates(body);
  Builder builder;
  if (!Json::sax_parse(body, &builder)) {
    if (builder.is_too_deep()) {
      return fail(Errc::invalid_argument, std::format("the body is nested deeper than {} levels", kMaxDepth));
    }
    if (builder.is_out_of_range()) {
      return fail(Errc::invalid_argument, "the body holds a number out of range");
    }
    return fail(Errc::invalid_argument,
                std::format("the body is not valid JSON (at byte {})", builder.error_byte()));
  }
  Json json = builder.take();
  if (!json.is_object()) return fail(Errc::invalid_argument, "the body must be a JSON object");
  return json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<> check_members(const Json& value, const std::string& name) {
  if (!value.is_structured()) return {};
  if (value.is_object() && value.size() > kMaxMembers) {
    return fail(Errc::invalid_argument,
                std::format("{} has an object with more than {} members", name, kMaxMembers), name);
  }
  for (const Json& inner : value) {
    if (auto checked = check_members(inner, name); !checked) return checked;
  }
  return {};
}

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
