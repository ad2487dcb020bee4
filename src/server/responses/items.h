/// The items of OpenAI's responses as messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"
#include "server/responses/tools.h"

namespace banyan {

/// Joins what one reply was made of (a thought, a message, calls: an item each) to one message again. Ids and
/// states of items make no difference.
class ItemReader {
 public:
  /// The names must outlive this.
  explicit ItemReader(const FunctionNames& names) : names_(names) {}

  /// `path` names the item in errors: "input[3]". Errors: invalid_argument or unsupported.
  Result<> add(const Json& item, const std::string& path);
  /// Whether items of the type say something to the model.
  static bool is_read(std::string_view type);
  /// All of them.
  std::vector<Message> take();

 private:
  Result<> add_message(const Json& item, const std::string& path);
  Result<> add_call(const Json& item, const std::string& path);
  Result<> add_result(const Json& item, const std::string& path);
  Result<> add_thought(const Json& item, const std::string& path);
  // The reply that is being joined, or a new one where it has what must not come before `next`.
  enum class Piece : std::uint8_t { thought, text, call };
  Message& reply(Piece next);

  const FunctionNames& names_;
  std::vector<Message> messages_;
};

}  // namespace banyan
