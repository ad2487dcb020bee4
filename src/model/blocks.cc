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
      q(weights.linear(block + "attn_q", model.embedding, model.query_heads * model.head_dim)),
      k(weights.linear(block + "attn_k", model.embedding, model.kv_heads * model.head_dim)),
      v(weights.linear(block + "attn_v", model.embedding, model.kv_heads * model.head_dim)),
      o(weights.linear(block + "attn_output", model.query_heads * model.head_dim, model.embedding)) {}

void AttentionBlock::load_head_norms(const Hyperparameters& model, WeightLoader& weights,
                                     const std::string& block) {
  q_norm = weights.vector(block + "attn_q_norm", model.head_dim);
  k_norm = weights.vector(block + "attn_k_norm", model.head_dim);
}

ggml_tensor* AttentionBlock::build(Graph& graph, int layer, ggml_tensor* x,
                                   const AttentionStyle& style) const {
  ggml_tensor* h = graph.rms_norm(x, norm);
  ggml_tensor* queries = graph.split_heads(graph.linear(q, h));  // [head_dim, query_heads, rows]
  ggml_tensor* keys = graph.split_heads(graph.linear(k, h));     // [head_dim, kv_heads, rows]
  ggml_tensor* values = graph.linear(v, h);                      // [head_dim * kv_heads, rows]
  if (q_norm != nullptr) queries = graph.rms_norm(queries, q_norm);
  if (k_norm != nullptr) keys = graph.rms_norm(keys, k_norm);
  queries = graph.rope(layer, queries, style.rope_mode, style.rope_factors);
  keys = graph.rope(layer, keys, style.rope_mode, style.rope_factors);
  h = graph.attention(layer, queries, keys, values, sinks);  // [head_dim * query_heads, rows]
  return graph.linear(o, graph.wanted_rows(layer, h));
}

}  // namespace banyan
