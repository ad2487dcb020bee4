#include "server/responses/input.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <format>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "server/dialect/functions.h"
#include "server/dialect/ids.h"
#include "server/responses/items.h"

namespace banyan {
namespace {

constexpr std::array<std::string_view, 12> kKeptFields = {
    "id",      "type", "role",   "status",    "content", "encrypted_content",
    "call_id", "name", "output", "arguments", "input",   "namespace"};

const char* id_prefix(const std::string& type) {
  if (type == "message") return "msg_";
  if (type == "reasoning") return "rs_";
  return type == "function_call" ? "fc_" : "item_";
}

std::string type_of(const Json& item) {
  const auto type = item.find("type");
  return type != item.end() && type->is_string() ? type->get<std::string>() : "message";
}

// Of a part, what is read of it; null for a text that says nothing.
Json kept_part(const Json& part) {
  Json kept = Json::object();
  for (const char* name : {"type", "text", "refusal"}) {
    if (const auto found = part.find(name); found != part.end() && found->is_string()) kept[name] = *found;
  }
  const bool is_text = kept.contains("text") || kept.contains("refusal");
  if (is_text && kept.value("text", kept.value("refusal", "")).empty()) return nullptr;
  return kept.empty() ? Json() : kept;
}

// Of an item, what is read of it: clients may send much more, and it is kept for as long as the reply is
// made.
Json kept_item(const Json& item) {
  Json kept = Json::object();
  for (const auto& [name, value] : item.items()) {
    const bool has_parts = name == "content" || name == "summary" || name == "output";
    if (has_parts && value.is_array()) {
      Json& parts = kept[name] = Json::array();
      for (const Json& part : value) {
        if (!part.is_object()) continue;
        if (Json one = kept_part(part); !one.is_null()) parts.push_back(std::move(one));
      }
    } else if (value.is_string() && std::ranges::contains(kKeptFields, std::string_view(name))) {
      kept[name] = value;
    }
  }
  return kept;
}

// The item itself, or the one that it refers to, null for none.
// `references` are those that came before: a second one would only make the prompt longer.
Result<Json> read_item(const Json& item, const std::string& path, ResponseStore& store,
                       std::set<std::string>& references) {
  if (!item.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
  Fields fields(item, path + ".");
  const std::string type = fields.string("type", "message");
  const std::string id = fields.string("id");
  if (fields.error()) return std::unexpected(*fields.error());
  if (type == "item_reference") return references.insert(id).second ? store.item(id) : Json();
  return item;
}

// The id of a call, or of the call that a result is of; "" for other items.
std::string call_id_of(const Json& item) {
  const auto id = item.find("call_id");
  return id != item.end() && id->is_string() ? id->get<std::string>() : "";
}

bool is_result(const Json& item) { return type_of(item).ends_with("_output"); }

void note_call(const Json& item, KnownCalls& calls) {
  if (const std::string id = call_id_of(item); !id.empty() && !is_result(item)) calls.add(id);
}

Result<> add_conversation(const std::string& id, ResponseStore& store, ItemReader& reader,
                          KnownCalls& calls) {
  const auto items = store.conversation(id);
  if (!items) {
    return fail(Errc::not_found,
                "previous_response_id names a response that is not kept here; send the whole conversation as "
                "input",
                "previous_response_id");
  }
  for (const Json& item : *items) {
    note_call(item, calls);
    if (auto added = reader.add(item, "previous_response_id"); !added) return added;
  }
  return {};
}

// The input as an array of items.
Result<Json> read_items(const Json& body) {
  const Json input = body.value("input", Json());
  if (input.is_array()) return input;
  if (!input.is_string()) {
    return fail(Errc::invalid_argument, "input must be a text or an array of items", "input");
  }
  return Json::array({{{"type", "message"}, {"role", "user"}, {"content", input}}});
}

}  // namespace

Result<ResponsesInput> read_responses_input(const Json& body, const FunctionNames& names,
                                            ResponseStore& store) {
  Fields fields(body);
  const std::string instructions = fields.string("instructions");
  const std::string previous = fields.string("previous_response_id");
  if (fields.error()) return std::unexpected(*fields.error());
  const auto items = read_items(body);
  if (!items) return std::unexpected(items.error());

  ItemReader reader(names);
  KnownCalls calls;
  if (!previous.empty()) {
    const auto added = add_conversation(previous, store, reader, calls);
    if (!added) return std::unexpected(added.error());
  }
  ResponsesInput input;
  std::set<std::string> references;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string path = std::format("input[{}]", i);
    auto item = read_item((*items)[i], path, store, references);
    if (!item) return std::unexpected(item.error());
    if (item->is_null()) {
      calls.forget();
      continue;
    }
    if (is_result(*item)) {
      if (auto known = calls.check(call_id_of(*item), "call_id"); !known)
        return std::unexpected(known.error());
    }
    note_call(*item, calls);
    if (auto added = reader.add(*item, path); !added) return std::unexpected(added.error());
    if (!ItemReader::is_read(type_of(*item))) continue;
    Json kept = kept_item(*item);
    if (!kept.contains("id")) kept["id"] = random_id(id_prefix(type_of(*item)));
    input.items.push_back(std::move(kept));
  }
  if (!instructions.empty()) {
    input.messages.push_back({.role = Role::system, .content = {{.text = instructions}}});
  }
  for (Message& message : reader.take()) input.messages.push_back(std::move(message));
  if (input.messages.empty()) return fail(Errc::invalid_argument, "input has no messages", "input");
  return input;
}

}  // namespace banyan
