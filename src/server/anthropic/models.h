/// The one model as Anthropic's clients see it.
#pragma once

#include <cstdint>
#include <string>

#include "server/json_fields.h"

namespace banyan {

/// `created`: seconds since 1970.
Json anthropic_model_json(const std::string& id, std::int64_t created);
/// GET /v1/models.
Json anthropic_models_json(const std::string& id, std::int64_t created);

}  // namespace banyan
