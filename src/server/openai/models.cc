#include "server/openai/models.h"

namespace banyan {

Json model_json(const Engine& engine, const std::string& id, std::int64_t created) {
  const ModelInfo& info = engine.model().info();
  return {{"id", id},
          {"object", "model"},
          {"created", created},
          {"owned_by", "banyan"},
          {"aliases", Json::array({id})},
          {"tags", Json::array()},
          {"meta",
           {{"architecture", info.architecture},
            {"n_vocab", info.vocabulary},
            {"n_ctx", engine.options().context},
            {"n_ctx_train", info.context},
            {"n_embd", info.embedding},
            {"n_params", info.parameters},
            {"size", info.file_bytes},
            {"ftype", info.quantization}}}};
}

Json models_json(const Engine& engine, const std::string& id, std::int64_t created) {
  Json data = Json::array();
  data.push_back(model_json(engine, id, created));
  // llama-server's clients look for what a model can do in the second list.
  Json models = Json::array();
  models.push_back(
      {{"name", id}, {"model", id}, {"type", "model"}, {"capabilities", Json::array({"completion"})}});
  return {{"object", "list"}, {"data", data}, {"models", models}};
}

}  // namespace banyan
