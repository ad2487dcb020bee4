/// llama-server's GET /props: what the server says of itself and its model.
#pragma once

#include "banyan/engine.h"
#include "server/json_fields.h"
#include "server/model_context.h"

namespace banyan {

Json props_json(const Engine& engine, const ModelContext& context);

}  // namespace banyan
