/// What libllama and ggml have to say. They would print it; here it goes to the debug log, and the
/// errors also to whoever listens on the thread.
#pragma once

#include <string>

namespace banyan {

/// Collects what libllama reports as errors on this thread while it lives; they tell why a call
/// returned nothing. Redirects libllama's and ggml's log on first use. One at a time per thread.
class LlamaErrors {
 public:
  LlamaErrors();
  ~LlamaErrors();
  LlamaErrors(const LlamaErrors&) = delete;
  LlamaErrors& operator=(const LlamaErrors&) = delete;

  /// The reports, each ending where the next begins with "; "; `otherwise` if there were none.
  std::string text(std::string otherwise) const;

 private:
  std::string text_;
};

}  // namespace banyan
