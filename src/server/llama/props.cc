#include "server/llama/props.h"

#include "server/llama/completion.h"

namespace banyan {

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
