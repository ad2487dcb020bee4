/// How replies are made: one table of parameters, which are options on the command line
/// (--top-k 20) and settings in a chat (/set top_k 20).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_prompt.h"
#include "banyan/engine.h"

namespace banyan::cli {

struct ReplyOptions {
  Sampling sampling;
  int max_tokens = -1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};

struct Parameter {
  const char* name;
  const char* flags;  ///< on the command line
  const char* help;
  /// Errors: invalid_argument.
  std::function<Result<>(ReplyOptions&, std::string_view)> set;
  std::function<std::string(const ReplyOptions&)> get;
};

std::span<const Parameter> parameters();
/// Null for an unknown name.
const Parameter* find_parameter(std::string_view name);

/// The parameters alone, in a group of the help.
void add_parameters(CLI::App& app, ReplyOptions& options, const std::string& group);
/// These and how a reply ends.
void add_reply_options(CLI::App& app, ReplyOptions& options);

/// Warns where no reply can have a token.
void warn_of_empty_replies(const ReplyOptions& options);

/// A request for a reply to `prompt` by these options.
Request make_request(const ReplyOptions& options, ChatPrompt prompt);

}  // namespace banyan::cli
