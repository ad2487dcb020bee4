#include "cli/reply_options.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <format>
#include <limits>
#include <utility>

#include "cli/text.h"

namespace banyan::cli {
namespace {

Parameter number(const char* name, const char* flags, const char* help, float Sampling::* field, float least,
                 float most) {
  return {name, flags, help,
          [=](ReplyOptions& options, std::string_view text) -> Result<> {
            const auto value = parse_number(text, least, most);
            if (!value) return std::unexpected(value.error());
            options.sampling.*field = *value;
            return {};
          },
          [=](const ReplyOptions& options) { return std::format("{}", options.sampling.*field); }};
}

Parameter integer(const char* name, const char* flags, const char* help, int Sampling::* field, int least) {
  return {name, flags, help,
          [=](ReplyOptions& options, std::string_view text) -> Result<> {
            const auto value = parse_integer(text, least, INT_MAX);
            if (!value) return std::unexpected(value.error());
            options.sampling.*field = static_cast<int>(*value);
            return {};
          },
          [=](const ReplyOptions& options) { return std::to_string(options.sampling.*field); }};
}

Result<> set_seed(ReplyOptions& options, std::string_view text) {
  if (text == "random") {
    options.sampling.seed.reset();
    return {};
  }
  const auto value = parse_integer(text, 0, UINT32_MAX);
  if (!value) return std::unexpected(value.error());
  options.sampling.seed = static_cast<std::uint32_t>(*value);
  return {};
}

std::string get_seed(const ReplyOptions& options) {
  return options.sampling.seed ? std::to_string(*options.sampling.seed) : "random";
}

Result<> set_max_tokens(ReplyOptions& options, std::string_view text) {
  const auto value = parse_integer(text, -1, INT_MAX);
  if (!value) return std::unexpected(value.error());
  options.max_tokens = static_cast<int>(*value);
  return {};
}

}  // namespace

std::span<const Parameter> parameters() {
  constexpr float any = 1e6F;
  static const Parameter table[] = {
      number("temperature", "--temp,--temperature", "0: always the most probable token",
             &Sampling::temperature, 0, any),
      integer("top_k", "--top-k", "Choose among so many best tokens; 0: all", &Sampling::top_k, 0),
      number("top_p", "--top-p", "Choose among the best tokens of this probability together; 1: all",
             &Sampling::top_p, 0, 1),
      number("min_p", "--min-p", "Leave out tokens less probable than this part of the best; 0: none",
             &Sampling::min_p, 0, 1),
      number("repeat_penalty", "--repeat-penalty", "Make recent tokens less probable by this factor; 1: off",
             &Sampling::repeat_penalty, 0.01F, any),
      number("presence_penalty", "--presence-penalty", "Make recent tokens less probable; 0: off",
             &Sampling::presence_penalty, -2, 2),
      number("frequency_penalty", "--frequency-penalty", "The same for each time that they came; 0: off",
             &Sampling::frequency_penalty, -2, 2),
      integer("repeat_last_n", "--repeat-last-n", "How far back penalties look; -1: all of the context",
              &Sampling::penalty_last_n, -1),
      {"seed", "--seed", "A number, for the same replies every time, or random", set_seed, get_seed},
      {"predict", "-n,--predict", "Most tokens of a reply; -1: as far as the context goes", set_max_tokens,
       [](const ReplyOptions& options) { return std::to_string(options.max_tokens); }},
  };
  return table;
}

const Parameter* find_parameter(std::string_view name) {
  const auto all = parameters();
  const auto found = std::ranges::find_if(all, [&](const Parameter& p) { return p.name == name; });
  return found == all.end() ? nullptr : &*found;
}

void add_parameters(CLI::App& app, ReplyOptions& options, const std::string& group) {
  for (const Parameter& parameter : parameters()) {
    app.add_option_function<std::string>(
           parameter.flags,
           [&options, &parameter](const std::string& text) {
             const auto set = parameter.set(options, text);
             if (!set) throw CLI::ValidationError(parameter.flags, set.error().message);
           },
           std::format("{} [{}]", parameter.help, parameter.get(options)))
        ->type_name("N")
        ->group(group);
  }
}

void add_reply_options(CLI::App& app, ReplyOptions& options) {
  const std::string group = "Reply";
  add_parameters(app, options, group);
  app.add_option("--stop", options.stop, "End the reply before this text; may be given several times")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->group(group);
  app.add_flag("--ignore-eos", options.ignore_eos, "Go on where the model would end its reply")->group(group);
}

void warn_of_empty_replies(const ReplyOptions& options) {
  if (options.max_tokens == 0) spdlog::warn("--predict 0: prompts are only evaluated, and replies are empty");
}

Request make_request(const ReplyOptions& options, ChatPrompt prompt) {
  Request request;
  request.prompt = std::move(prompt.tokens);
  request.restore_points = std::move(prompt.points);
  request.sampling = options.sampling;
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;
  return request;
}

}  // namespace banyan::cli
