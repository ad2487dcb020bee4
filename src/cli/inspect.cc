#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <print>
#include <string>
#include <vector>

#include "banyan/kv_layout.h"
#include "banyan/model.h"
#include "banyan/state.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string model;
  bool tensors = false;
  bool metadata = false;
  bool chat_template = false;
  bool json = false;
};

struct TypeShare {
  std::size_t tensors = 0;
  std::size_t bytes = 0;
};

/// How much of the weights each number format has.
std::map<std::string, TypeShare> type_histogram(const std::vector<Model::TensorInfo>& tensors) {
  std::map<std::string, TypeShare> histogram;
  for (const Model::TensorInfo& tensor : tensors) {
    TypeShare& share = histogram[tensor.type];
    ++share.tensors;
    share.bytes += tensor.bytes;
  }
  return histogram;
}

/// What the layers of one kind remember.
struct LayerMemory {
  std::string kind;
  int layers = 0;
  std::map<KvType, std::size_t> token_bytes;  ///< of keys and values, in each number format
  std::size_t window = 0;                     ///< how many tokens have them; 0: all
  std::size_t state_bytes = 0;                ///< of a state, where the kind keeps those instead
};

std::vector<LayerMemory> layer_memory(const Model& model) {
  std::vector<LayerMemory> all;
  for (const KvType type : kKvTypes) {
    const auto groups = model.layer_groups(type);
    all.resize(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const LayerGroup& group = *groups[i];
      LayerMemory& memory = all[i];
      memory.kind = group.kind();
      memory.layers = group.layer_count();
      if (group.reach() == 0) {
        memory.state_bytes = group.block_bytes(0);
      } else {
        memory.token_bytes[type] = group.block_bytes(1);
        memory.window = group.reach() == LayerGroup::kWholePath ? 0 : group.reach();
      }
    }
  }
  return all;
}

std::string describe(const LayerMemory& memory) {
  std::string text = std::format("{} layers, ", memory.layers);
  if (memory.token_bytes.empty()) return text + format_bytes(memory.state_bytes) + " a state";
  text += std::format(
      "{} a token in f16, {} in q8_0, {} in f32", format_bytes(memory.token_bytes.at(KvType::f16)),
      format_bytes(memory.token_bytes.at(KvType::q8_0)), format_bytes(memory.token_bytes.at(KvType::f32)));
  return memory.window == 0 ? text : text + std::format(", of the last {} tokens", memory.window);
}

Json to_json(const LayerMemory& memory) {
  Json json = {{"kind", memory.kind}, {"layers", memory.layers}};
  for (const auto& [type, bytes] : memory.token_bytes) json["bytes_per_token"][kv_type_name(type)] = bytes;
  if (memory.token_bytes.empty()) json["state_bytes"] = memory.state_bytes;
  if (memory.window > 0) json["window"] = memory.window;
  return json;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

void print_json(const Model& model, const Flags& flags) {
  const ModelInfo& info = model.info();
  std::vector<std::string> files;
  for (const ModelFileInfo& file : info.files) files.push_back(file.path);
  Json json = {{"path", info.path},
               {"files", files},
               {"name", info.name},
               {"architecture", info.architecture},
               {"quantization", info.quantization},
               {"file_bytes", info.file_bytes},
               {"parameters", info.parameters},
               {"vocabulary", info.vocabulary},
               {"context", info.context},
               {"embedding", info.embedding},
               {"layers", info.layers},
               {"query_heads", info.query_heads},
               {"kv_heads", info.kv_heads},
               {"key_dim", info.key_dim},
               {"value_dim", info.value_dim}};
  for (const LayerMemory& memory : layer_memory(model)) json["memory"].push_back(to_json(memory));
  for (const auto& [type, share] : type_histogram(model.tensors())) {
    json["types"][type] = {{"tensors", share.tensors}, {"bytes", share.bytes}};
  }
  if (flags.metadata) json["metadata"] = model.metadata();
  if (flags.tensors) {
    for (const Model::TensorInfo& tensor : model.tensors()) {
      json["tensors"].push_back(
          {{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}, {"bytes", tensor.bytes}});
    }
  }
  if (flags.chat_template) json["chat_template"] = info.chat_template;
  std::println("{}", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_text(const Model& model, const Flags& flags) {
  const ModelInfo& info = model.info();
  const auto row = [](const char* name, const std::string& value) { std::println("{:<14} {}", name, value); };
  row("file", std::format("{} ({})", info.path, format_bytes(info.file_bytes)));
  for (std::size_t i = 1; i < info.files.size(); ++i) {
    row(i == 1 ? "more parts" : "", info.files[i].path);
  }
  row("name", info.name);
  row("architecture", info.architecture);
  row("parameters", format_parameters(info.parameters));
  row("layers", std::format("{}, embedding {}", info.layers, info.embedding));
  row("heads", std::format("{} query, {} key/value, of {} and {}", info.query_heads, info.kv_heads,
                           info.key_dim, info.value_dim));
  row("vocabulary", grouped(static_cast<std::uint64_t>(info.vocabulary)));
  row("context", std::format("{} tokens", grouped(static_cast<std::uint64_t>(info.context))));
  for (const LayerMemory& memory : layer_memory(model)) row(memory.kind.c_str(), describe(memory));
  row("chat template", info.chat_template.empty() ? "none in the file; ChatML" : "in the file (--template)");
  for (const auto& [type, share] : type_histogram(model.tensors())) {
    row(("type " + type).c_str(), std::format("{} tensors, {}", share.tensors, format_bytes(share.bytes)));
  }
  if (flags.metadata) {
    std::println("\nmetadata");
    for (const auto& [key, value] : model.metadata()) std::println("  {} = {}", key, value);
  }
  if (flags.tensors) {
    std::println("\ntensors");
    for (const Model::TensorInfo& tensor : model.tensors()) {
      std::println("  {:<32} {:<6} {:>16} {:>12}", tensor.name, tensor.type, shape_text(tensor.shape),
                   format_bytes(tensor.bytes));
    }
  }
  if (flags.chat_template) std::println("\n{}", info.chat_template);
}

Result<int> inspect(const Flags& flags) {
  set_up_log(0);
  const auto path = model_path({.model = flags.model});
  if (!path) return std::unexpected(path.error());
  const auto model = Model::load(*path);
  if (!model) return std::unexpected(model.error());
  flags.json ? print_json(**model, flags) : print_text(**model, flags);
  return kExitOk;
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a model file holds");
  command->add_option("MODEL", flags->model, "GGUF file; without one, the tiny model that ships")
      ->envname("BANYAN_MODEL");
  command->add_flag("--tensors", flags->tensors, "Also every tensor's name, type, shape and size");
  command->add_flag("--metadata", flags->metadata, "Also the file's keys and values");
  command->add_flag("--template", flags->chat_template, "Also the chat template");
  command->add_flag("--json", flags->json, "Print JSON");
  command->footer(
      "Examples:\n"
      "  banyan inspect model.gguf\n"
      "  banyan inspect model.gguf --tensors --json | jq '.tensors[].type'");
  return {command, [flags] { return inspect(*flags); }};
}

}  // namespace banyan::cli
