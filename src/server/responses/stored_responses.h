/// Kept responses as GET and DELETE /v1/responses/{id} give them.
#pragma once

#include <string>

#include "banyan/base.h"
#include "server/json_fields.h"
#include "server/responses/response_store.h"

namespace banyan {

/// GET /v1/responses/{id}/input_items: those of its request. Errors: invalid_argument for `limit`, `order`
/// and `after`, which are empty where the client did not give them.
struct ItemsPage {
  std::string limit = {};
  std::string order = {};  ///< "asc" or "desc", the default
  std::string after = {};  ///< an item's id
};
Result<Json> input_items_json(const Json& items, const ItemsPage& page);

/// DELETE /v1/responses/{id}.
Json deleted_json(const std::string& id);

}  // namespace banyan
