#include "server/responses/tools.h"

#include <cstddef>
#include <format>
#include <utility>

#include "server/dialect/functions.h"

namespace banyan {
namespace {

Result<> add_tools(const Json& array, const std::string& path, const std::string& space,
                   ResponsesTools& all) {
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string place = std::format("{}[{}]", path, i);
    if (!array[i].is_object()) return fail(Errc::invalid_argument, place + " must be an object", place);
    Fields fields(array[i], place + ".");
    const std::string type = fields.string("type", "function");
    if (fields.error()) return std::unexpected(*fields.error());
    if (type == "namespace" && space.empty()) {
      fields.required("name");
      const std::string name = fields.string("name");
      const Json* nested = fields.array("tools");
      if (fields.error()) return std::unexpected(*fields.error());
      if (!nested) continue;
      if (auto added = add_tools(*nested, place + ".tools", name, all); !added) return added;
    } else if (type == "function") {
      auto tool = read_function(array[i], place, "parameters");
      if (!tool) return std::unexpected(tool.error());
      auto name = all.names.add({space, tool->name});
      if (!name) return fail(Errc::invalid_argument, place + ".name is there twice", place + ".name");
      tool->name = std::move(*name);
      all.tools.push_back(std::move(*tool));
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> FunctionNames::add(const SpacedName& function) {
  if (names_.contains(function)) return std::nullopt;
  std::string name = function.name;
  if (functions_.contains(name)) name = function.space + "__" + name;
  while (!functions_.try_emplace(name, function).second) name += '_';
  names_.try_emplace(function, name);
  return name;
}

std::string FunctionNames::for_model(const SpacedName& function) const {
  const auto found = names_.find(function);
  return found == names_.end() ? function.name : found->second;
}

SpacedName FunctionNames::for_client(const std::string& name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? SpacedName{"", name} : found->second;
}

Result<ResponsesTools> read_responses_tools(const Json& tools) {
  ResponsesTools all;
  if (auto added = add_tools(tools, "tools", "", all); !added) return std::unexpected(added.error());
  return all;
}

}  // namespace banyan
