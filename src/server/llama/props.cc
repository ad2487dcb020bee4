#include "server/llama/props.h"

#include "server/llama/completion.h"

namespace banyan {

Json props_json(const Engine& engine, const ModelContext& context) {
  const Vocabulary& vocabulary = engine.vocabulary();
  const Request request{.sampling = context.defaults.sampling, .max_tokens = context.defaults.max_tokens};
  return {{"default_generation_settings",
           {{"params", generation_settings(request, vocabulary)}, {"n_ctx", engine.options().context}}},
          {"total_slots", engine.options().max_running},
          {"model_alias", context.model_id},
          {"model_path", engine.model().info().path},
          {"model_ftype", engine.model().info().quantization},
          {"modalities", {{"vision", false}, {"video", false}, {"audio", false}}},
          {"endpoint_slots", false},
          {"endpoint_props", false},
          {"endpoint_metrics", false},
          {"chat_template", engine.chat_template().source()},
          {"bos_token", vocabulary.bos_text()},
          {"eos_token", vocabulary.eos_text()},
          {"build_info", "banyan-" BANYAN_VERSION},
          {"is_sleeping", false}};
}

}  // namespace banyan
