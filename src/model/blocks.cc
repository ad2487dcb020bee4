#include "model/blocks.h"

namespace banyan {

std::string block_name(int layer) { return "blk." + std::to_string(layer) + "."; }

Ends::Ends(const Hyperparameters& model, WeightLoader& weights)
    : embedding(weights.table("token_embd", model.embedding, model.vocabulary)),
      output_norm(weights.vector("output_norm", model.embedding)),
      output(weights.linear(weights.has("output") ? "output" : "token_embd", model.embedding,
                            model.vocabulary)) {}

ggml_tensor* Ends::logits(Graph& graph, ggml_tensor* x) const {
  return graph.linear(output, graph.rms_norm(x, output_norm));
}

AttentionBlock::AttentionBlock(const Hyperparameters& model, WeightLoader& weights, const std::string& block)
    : norm(weights.vector(block + "attn_norm", model.embedding)),
      qkv(weights.linear_stack(model.embedding, {{block + "attn_q", model.query_heads * model.head_dim},
                                                 {block + "attn_k", model.kv_heads * model.head_dim},
                                                 {block + "attn_v", model.kv_heads * model.head_dim}})),
      o(weights.linear(block + "attn_output", model.query_heads * model.head_dim, model.embedding)) {}

void AttentionBlock::load_head_norms(const Hyperparameters& model, WeightLoader& weights,
                                     const std::string& block) {
  q_norm = weights.vector(block + "attn_q_norm", model.head_dim);
  k_norm = weights.vector(block + "attn_k_norm", model.head_dim);
}

ggml_tensor* AttentionBlock::build(Graph& graph, int layer, ggml_tensor* x,
                                   const AttentionStyle& style) const {
  const std::vector<ggml_tensor*> products = graph.linears(qkv, graph.rms_norm(x, norm));
  ggml_tensor* queries = graph.split_heads(products[0]);  // [head_dim, query_heads, rows]
  ggml_tensor* keys = graph.split_heads(products[1]);     // [head_dim, kv_heads, rows]
  ggml_tensor* values = products[2];                      // [head_dim * kv_heads, rows]
  if (q_norm != nullptr) queries = graph.rms_norm(queries, q_norm);
  if (k_norm != nullptr) keys = graph.rms_norm(keys, k_norm);
  queries = graph.rope(layer, queries, style.rope_mode, style.rope_factors);
  keys = graph.rope(layer, keys, style.rope_mode, style.rope_factors);
  ggml_tensor* h = graph.attention(layer, queries, keys, values, sinks);  // [head_dim * query_heads, rows]
  return graph.linear(o, graph.wanted_rows(layer, h));
}

}  // namespace banyan
