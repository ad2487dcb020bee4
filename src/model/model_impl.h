#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "banyan/model.h"
#include "model/architecture.h"

namespace banyan {

struct Model::Impl {
  ModelInfo info;
  Hyperparameters hyperparameters;
  std::vector<TensorInfo> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
  ggml_backend_dev_t device = nullptr;
  Weights weights;
  std::unique_ptr<Architecture> architecture;
};

}  // namespace banyan
