#include "banyan/model.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <format>
#include <map>

#include "banyan/attention_state.h"
#include "banyan/recurrent_state.h"
#include "banyan/window_state.h"
#include "model/ggml_runtime.h"
#include "model/model_impl.h"
#include "model/unread_keys.h"

namespace banyan {
namespace {

std::string type_text(ggml_type type) {
  std::string text = ggml_type_name(type);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::vector<Model::TensorInfo> describe_tensors(const ModelFile& file) {
  std::vector<Model::TensorInfo> all;
  for (const ModelFile::Tensor& tensor : file.tensors()) {
    std::vector<std::int64_t> shape(tensor.shape.begin(), tensor.shape.end());
    while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
    all.push_back({tensor.name, type_text(tensor.type), std::move(shape), tensor.data.size()});
  }
  return all;
}

ModelInfo describe(ModelFile& file, const ArchitectureType& type, const Hyperparameters& model) {
  ModelInfo info;
  info.path = file.path();
  info.architecture = type.name;
  info.computation = std::format("banyan {} {}", type.name, type.version);
  info.name = file.text_or("general.name", std::filesystem::path(file.path()).filename().string());
  for (const auto& mapping : file.mappings()) {
    info.files.push_back({mapping->path(), mapping->stamp()});
    info.file_bytes += mapping->bytes().size();
  }
  std::map<ggml_type, std::uint64_t> parameters;
  for (const ModelFile::Tensor& tensor : file.tensors()) {
    std::uint64_t count = 1;
    for (const std::int64_t n : tensor.shape) count *= static_cast<std::uint64_t>(n);
    parameters[tensor.type] += count;
    info.parameters += count;
  }
  const auto most = std::ranges::max_element(parameters, {}, [](const auto& entry) { return entry.second; });
  if (most != parameters.end()) info.quantization = type_text(most->first);
  info.vocabulary = model.vocabulary;
  info.context = model.context;
  info.embedding = model.embedding;
  info.layers = model.layers;
  info.query_heads = model.query_heads;
  info.kv_heads = model.kv_heads;
  info.key_dim = model.head_dim;
  info.value_dim = model.head_dim;
  info.chat_template = file.text_or("tokenizer.chat_template", "");
  return info;
}

}  // namespace

Model::Model() : impl_(std::make_unique<Impl>()) {}
Model::~Model() = default;

Result<std::unique_ptr<Model>> Model::load(const std::string& path, const ModelOptions& options) {
  const auto device = cpu_device();
  if (!device) return std::unexpected(device.error());
  auto opened = ModelFile::open(path);
  if (!opened) return std::unexpected(opened.error());
  ModelFile& file = *opened;

  const std::string architecture = file.text("general.architecture");
  if (!file.ok()) return std::unexpected(file.status().error());
  const ArchitectureType* type = find_architecture(architecture);
  if (type == nullptr) {
    return fail(Errc::unsupported,
                std::format("{}: architecture '{}' is not one of those that Banyan runs ({})", path,
                            architecture, architecture_names()));
  }

  std::unique_ptr<Model> model(new Model);
  Impl& impl = *model->impl_;
  impl.device = *device;
  impl.hyperparameters = read_hyperparameters(file, architecture + ".");
  type->read(file, architecture + ".", impl.hyperparameters);
  refuse_unread_keys(file, architecture + ".");
  impl.info = describe(file, *type, impl.hyperparameters);
  if (!file.ok()) return std::unexpected(file.status().error());
  WeightLoader loader(file, *device);
  impl.architecture = type->make(impl.hyperparameters, loader);
  if (!file.ok()) return std::unexpected(file.status().error());

  impl.tensors = describe_tensors(file);
  impl.metadata = file.metadata();
  auto weights = loader.load(options.progress);
  if (!weights) return std::unexpected(weights.error());
  impl.weights = std::move(*weights);
  return model;
}

const ModelInfo& Model::info() const { return impl_->info; }
std::vector<Model::TensorInfo> Model::tensors() const { return impl_->tensors; }
std::vector<std::pair<std::string, std::string>> Model::metadata() const { return impl_->metadata; }

std::vector<std::unique_ptr<LayerGroup>> Model::layer_groups(KvType type) const {
  std::vector<std::unique_ptr<LayerGroup>> groups;
  const Hyperparameters& model = impl_->hyperparameters;
  if (model.layers_of(LayerKind::attention) > 0) {
    groups.push_back(std::make_unique<AttentionGroup>(kv_layout(model, LayerKind::attention, type)));
  }
  if (model.layers_of(LayerKind::window) > 0) {
    groups.push_back(
        std::make_unique<WindowGroup>(kv_layout(model, LayerKind::window, type), model.window.tokens));
  }
  if (model.layers_of(LayerKind::recurrent) > 0) {
    groups.push_back(std::make_unique<RecurrentGroup>(recurrent_layout(model)));
  }
  return groups;
}

}  // namespace banyan
