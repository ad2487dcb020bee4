/// The `tools` of OpenAI's responses, of which only functions are called here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// A function as its client knows it.
struct SpacedName {
  std::string space;  ///< of a tool `namespace`; "" for none
  std::string name;
  auto operator<=>(const SpacedName&) const = default;
};

/// What the model knows the functions of namespaces by: their names, with the namespace's before where
/// another function has the same.
class FunctionNames {
 public:
  /// A name for the model that none before it has; nothing where the function was added before.
  std::optional<std::string> add(const SpacedName& function);

  std::string for_model(const SpacedName& function) const;
  SpacedName for_client(const std::string& name) const;

 private:
  std::map<std::string, SpacedName> functions_;
  std::map<SpacedName, std::string> names_;
};

struct ResponsesTools {
  std::vector<Tool> tools;
  FunctionNames names;
};

/// Functions, and those in namespaces. Tools of other types (`web_search`, ...) are left out.
Result<ResponsesTools> read_responses_tools(const Json& tools);

}  // namespace banyan
