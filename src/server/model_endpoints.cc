#include "server/model_endpoints.h"

#include "server/llama_completion.h"

namespace banyan {

Json model_json(const Engine& engine, const std::string& id, std::int64_t created) {
  const ModelInfo& info = engine.model().info();
  return {{"id", id},
          {"object", "model"},
          {"created", created},
          {"owned_by", "banyan"},
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
  return {{"object", "list"}, {"data", data}};
}

Json props_json(const Engine& engine, const std::string& id) {
  const Vocabulary& vocabulary = engine.vocabulary();
  return {{"default_generation_settings",
           {{"params", generation_settings(Request())}, {"n_ctx", engine.options().context}}},
          {"total_slots", engine.options().max_running},
          {"model_alias", id},
          {"model_path", engine.model().info().path},
          {"model_ftype", engine.model().info().quantization},
          {"modalities", {{"vision", false}, {"audio", false}}},
          {"chat_template", engine.chat_template().source()},
          {"bos_token", vocabulary.bos_text()},
          {"eos_token", vocabulary.eos_text()}};
}

}  // namespace banyan
