/// OpenAI's list of models, which has the one that is served.
#pragma once

#include <cstdint>
#include <string>

#include "banyan/engine.h"
#include "server/json_fields.h"

namespace banyan {

/// OpenAI's model object, with llama-server's `meta`. `created`: seconds since 1970.
Json model_json(const Engine& engine, const std::string& id, std::int64_t created);
/// GET /v1/models.
Json models_json(const Engine& engine, const std::string& id, std::int64_t created);

}  // namespace banyan
