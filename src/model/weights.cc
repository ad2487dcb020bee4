#include "model/weights.h"

#include <algorithm>
#include <array>
#include <format>
#include <memory>
#include <new>
#include <span>

#include "model/ggml_runtime.h"

namespace banyan {
namespace {

/// A context for the descriptions of `tensors` tensors.
ggml_context_ptr make_context(std::size_t tensors) {
  return ggml_context_ptr(
      ggml_init({.mem_size = tensors * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
}

bool can_multiply(ggml_type type) {
  // What ggml can only convert to, or not compute with at all, has no way back to float32.
  return type == GGML_TYPE_F32 || ggml_get_type_traits(type)->to_float != nullptr;
}

/// The layouts that ggml's CPU backend has beside its plain one, best first.
std::vector<ggml_backend_buffer_type_t> fast_layouts(ggml_backend_dev_t device) {
  std::vector<ggml_backend_buffer_type_t> layouts;
  const auto list = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(ggml_backend_reg_get_proc_address(
      ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
  if (list == nullptr) return layouts;
  for (auto* type = list(device); *type != nullptr; ++type) layouts.push_back(*type);
  return layouts;
}

/// Whether ggml multiplies with a matrix of this type and shape, or with one for each expert, when it
/// is kept in this layout.
bool multiplies_in(ggml_backend_dev_t device, ggml_backend_buffer_type_t layout, ggml_op multiply,
                   ggml_type type, const std::array<std::int64_t, GGML_MAX_DIMS>& shape) {
  constexpr int kRows = 512;
  const ggml_context_ptr context = make_context(4);
  const ggml_backend_buffer_ptr nowhere(ggml_backend_buft_alloc_buffer(layout, 0));
  if (!nowhere) return false;
  ggml_tensor* weight = ggml_new_tensor(context.get(), type, 3, shape.data());
  weight->buffer = nowhere.get();
  ggml_tensor* product = nullptr;
  if (multiply == GGML_OP_MUL_MAT_ID) {
    ggml_tensor* x = ggml_new_tensor_3d(context.get(), GGML_TYPE_F32, shape[0], 1, kRows);
    ggml_tensor* chosen = ggml_new_tensor_2d(context.get(), GGML_TYPE_I32, 1, kRows);
    product = ggml_mul_mat_id(context.get(), weight, x, chosen);
  } else {
    ggml_tensor* x = ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, shape[0], kRows);
    product = ggml_mul_mat(context.get(), weight, x);
  }
  return ggml_backend_dev_supports_op(device, product);
}

/// Gives ggml, all at once as its layouts want it, the data of a tensor that is made of `sources`. Returns
/// false where there is no memory to join them.
bool rearrange(ggml_tensor* tensor, std::span<const ModelFile::Tensor* const> sources) {
  const std::byte* data = sources[0]->data.data();
  std::unique_ptr<std::byte[]> joined;
  if (sources.size() > 1) {
    joined.reset(new (std::nothrow) std::byte[ggml_nbytes(tensor)]);
    if (!joined) return false;
    data = joined.get();
    for (std::byte* to = joined.get(); const ModelFile::Tensor* source : sources) {
      to = std::ranges::copy(source->data, to).out;
    }
  }
  {
    LogCapture quiet;
    ggml_backend_tensor_set(tensor, data, 0, ggml_nbytes(tensor));
  }
  for (const ModelFile::Tensor* source : sources) MappedFile::forget(source->data);
  return true;
}

}  // namespace

WeightLoader::WeightLoader(ModelFile& file, ggml_backend_dev_t device) : file_(&file), device_(device) {
  // Tied embeddings are asked for twice, as a table and to multiply with.
  const std::size_t most = file.tensors().size() + 1;
  for (ggml_backend_buffer_type_t layout : fast_layouts(device)) {
    places_.push_back({layout, make_context(most), {}});
  }
  places_.push_back({nullptr, make_context(most), {}});
}

const ModelFile::Tensor* WeightLoader::find(const std::string& name, std::initializer_list<int> shape) {
  const ModelFile::Tensor* tensor = file_->find(name);
  std::array<std::int64_t, GGML_MAX_DIMS> expected = {1, 1, 1, 1};
  std::ranges::copy(shape, expected.begin());
  if (tensor == nullptr) {
    file_->refuse(Errc::corrupt,
                  std::format("tensor '{}' of shape {} is missing", name, shape_text(expected)));
  } else if (tensor->shape != expected) {
    file_->refuse(Errc::corrupt, std::format("tensor '{}' has shape {}; {} expected", name,
                                             shape_text(tensor->shape), shape_text(expected)));
    return nullptr;
  }
  return tensor;
}

const ModelFile::Tensor* WeightLoader::find_matrix(const std::string& name,
                                                   std::initializer_list<int> shape) {
  const ModelFile::Tensor* tensor = find(name + ".weight", shape);
  if (tensor == nullptr || can_multiply(tensor->type)) return tensor;
  file_->refuse(Errc::unsupported, std::format("tensor '{}' has type {}, which ggml cannot compute with",
                                               tensor->name, ggml_type_name(tensor->type)));
  return nullptr;
}

ggml_tensor* WeightLoader::add(Place& place, std::vector<const ModelFile::Tensor*> sources,
                               const Shape& shape) {
  ggml_tensor* tensor = ggml_new_tensor(place.context.get(), sources[0]->type, GGML_MAX_DIMS, shape.data());
  ggml_set_name(tensor, sources[0]->name.c_str());
  place.parts.push_back({tensor, std::move(sources)});
  return tensor;
}

WeightLoader::Place& WeightLoader::best_place(ggml_op multiply, ggml_type type, const Shape& shape) {
  return *std::ranges::find_if(places_, [&](const Place& place) {
    return place.type == nullptr || multiplies_in(device_, place.type, multiply, type, shape);
  });
}

ggml_tensor* WeightLoader::add_to_multiply(ggml_op multiply, const ModelFile::Tensor& source) {
  return add(best_place(multiply, source.type, source.shape), {&source}, source.shape);
}

ggml_tensor* WeightLoader::table(const std::string& name, int width, int rows) {
  const ModelFile::Tensor* source = find_matrix(name, {width, rows});
  return source == nullptr ? nullptr : add(places_.back(), {source}, source->shape);
}

ggml_tensor* WeightLoader::floats(const std::string& name, std::initializer_list<int> shape) {
  const ModelFile::Tensor* source = find(name, shape);
  if (source == nullptr) return nullptr;
  if (source->type != GGML_TYPE_F32) {
    file_->refuse(Errc::unsupported, std::format("tensor '{}' has type {}; f32 expected", source->name,
                                                 ggml_type_name(source->type)));
    return nullptr;
  }
  return add(places_.back(), {source}, source->shape);
}

ggml_tensor* WeightLoader::vector(const std::string& name, int n) { return floats(name + ".weight", {n}); }

ggml_tensor* WeightLoader::optional_vector(const std::string& name, int n) {
  return has(name) ? vector(name, n) : nullptr;
}

Linear WeightLoader::linear(const std::string& name, int in, int out) {
  Linear linear;
  const ModelFile::Tensor* source = find_matrix(name, {in, out});
  if (source == nullptr) return linear;
  linear.weight = add_to_multiply(GGML_OP_MUL_MAT, *source);
  add_scale_and_bias(linear, name, out);
  return linear;
}

void WeightLoader::add_scale_and_bias(Linear& linear, const std::string& name, int out) {
  if (file_->find(name + ".scale") != nullptr) linear.scale = floats(name + ".scale", {1});
  if (file_->find(name + ".bias") != nullptr) linear.bias = floats(name + ".bias", {out});
}

LinearStack WeightLoader::linear_stack(int in, std::initializer_list<std::pair<std::string, int>> parts) {
  std::vector<const ModelFile::Tensor*> sources;
  Shape shape = {in, 0, 1, 1};
  for (const auto& [name, out] : parts) {
    sources.push_back(find_matrix(name, {in, out}));
    if (sources.back() == nullptr) return {};
    shape[1] += out;
  }
  LinearStack stack;
  const ggml_type type = sources[0]->type;
  if (std::ranges::all_of(sources, [type](const auto* source) { return source->type == type; })) {
    Place& place = best_place(GGML_OP_MUL_MAT, type, shape);
    if (place.type != nullptr) stack.weight = add(place, sources, shape);
  }
  for (std::size_t i = 0; const auto& [name, out] : parts) {
    LinearStack::Part& part = stack.parts.emplace_back();
    part.out = out;
    if (stack.weight == nullptr) part.linear.weight = add_to_multiply(GGML_OP_MUL_MAT, *sources[i]);
    add_scale_and_bias(part.linear, name, out);
    ++i;
  }
  return stack;
}

ExpertLinear WeightLoader::expert_linear(const std::string& name, int in, int out, int experts) {
  ExpertLinear linear;
  const ModelFile::Tensor* source = find_matrix(name, {in, out, experts});
  if (source == nullptr) return linear;
  linear.weight = add_to_multiply(GGML_OP_MUL_MAT_ID, *source);
  if (file_->find(name + ".scale") != nullptr) linear.scale = floats(name + ".scale", {experts});
  if (file_->find(name + ".bias") != nullptr) linear.bias = floats(name + ".bias", {out, experts});
  return linear;
}

FeedForward WeightLoader::feed_forward(const std::string& block, int embedding, int width,
                                       const std::string& suffix) {
  return {.gate_up = linear_stack(embedding,
                                  {{block + "ffn_gate" + suffix, width}, {block + "ffn_up" + suffix, width}}),
          .down = linear(block + "ffn_down" + suffix, width, embedding)};
}

Result<Weights> WeightLoader::load(const std::function<bool(float)>& progress) {
  require(file_->ok(), "WeightLoader::load of a refused file");
  std::size_t total = 0;
  for (const Place& place : places_) {
    for (const Part& part : place.parts) total += ggml_nbytes(part.tensor);
  }
  std::size_t done = 0;
  const auto go_on = [&](std::size_t bytes) {
    done += bytes;
    return !progress || progress(static_cast<float>(static_cast<double>(done) / static_cast<double>(total)));
  };
  const auto cancelled = [&] { return fail(Errc::cancelled, file_->path() + ": loading was cancelled"); };
  const auto no_memory = [&] {
    return fail(Errc::out_of_memory, file_->path() + ": no memory for the weights");
  };
  if (!go_on(0)) return cancelled();

  Weights weights;
  for (Place& place : places_) {
    if (place.parts.empty()) continue;
    std::vector<ggml_backend_buffer_t> buffers;  // one, or one for each mapping
    const auto add_buffer = [&](ggml_backend_buffer_t buffer) {
      weights.buffers.emplace_back(buffer);
      buffers.push_back(buffer);
      if (buffer != nullptr) ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
      return buffer != nullptr;
    };
    if (place.type == nullptr) {
      for (const auto& mapping : file_->mappings()) {
        const std::span<const std::byte> bytes = mapping->bytes();
        // ggml asks for a pointer it could write to, but never writes to weights.
        if (!add_buffer(ggml_backend_dev_buffer_from_host_ptr(device_, const_cast<std::byte*>(bytes.data()),
                                                              bytes.size(), bytes.size()))) {
          return no_memory();
        }
      }
    } else {
      LogCapture quiet;
      if (!add_buffer(ggml_backend_alloc_ctx_tensors_from_buft(place.context.get(), place.type))) {
        return no_memory();
      }
      weights.rearranged = true;
    }

    for (const Part& part : place.parts) {
      if (place.type == nullptr) {
        std::span<const std::byte> data = part.sources[0]->data;
        ggml_backend_tensor_alloc(buffers[part.sources[0]->file], part.tensor,
                                  const_cast<std::byte*>(data.data()));
        constexpr std::size_t kStep = std::size_t{16} << 20;
        while (!data.empty()) {
          const std::span<const std::byte> step = data.first(std::min(kStep, data.size()));
          MappedFile::touch(step);
          if (!go_on(step.size())) return cancelled();
          data = data.subspan(step.size());
        }
      } else {
        if (!rearrange(part.tensor, part.sources)) return no_memory();
        if (!go_on(ggml_nbytes(part.tensor))) return cancelled();
      }
    }
    weights.contexts.push_back(std::move(place.context));
  }
  weights.mappings = file_->take_mappings();
  return weights;
}

}  // namespace banyan
