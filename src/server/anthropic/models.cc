#include "server/anthropic/models.h"

#include <utility>

#include "server/dialect/ids.h"

namespace banyan {

Json anthropic_model_json(const std::string& id, std::int64_t created) {
  return {{"type", "model"}, {"id", id}, {"display_name", id}, {"created_at", iso_time(created)}};
}

Json anthropic_models_json(const std::string& id, std::int64_t created) {
  Json data = Json::array();
  data.push_back(anthropic_model_json(id, created));
  return {{"data", std::move(data)}, {"has_more", false}, {"first_id", id}, {"last_id", id}};
}

}  // namespace banyan
