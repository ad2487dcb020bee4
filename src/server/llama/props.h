/// llama-server's GET /props: what the server says of itself and its model.
#pragma once

#include <string>

#include "banyan/engine.h"
#include "server/json_fields.h"

namespace banyan {

Json props_json(const Engine& engine, const std::string& id);

}  // namespace banyan
