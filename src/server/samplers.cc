#include "server/samplers.h"

#include <algorithm>
#include <cstddef>
#include <format>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace banyan {
namespace {

struct Name {
  char letter;
  std::string_view name;
};
constexpr Name kNames[] = {{'e', "penalties"}, {'d', "dry"},       {'s', "top_n_sigma"}, {'k', "top_k"},
                           {'y', "typ_p"},     {'y', "typical_p"}, {'y', "typical"},     {'p', "top_p"},
                           {'m', "min_p"},     {'x', "xtc"},       {'t', "temperature"}, {'t', "temp"},
                           {'k', "top-k"},     {'p', "top-p"},     {'m', "min-p"},       {'s', "top-n-sigma"},
                           {'y', "typical-p"}};

// By their letters: those that there are, in their order; and those whose fields are refused unless they are
// off, so that they may stand anywhere.
constexpr std::string_view kOrder = "ekpmt";
constexpr std::string_view kAlwaysOff = "dsyx";

void switch_off(char letter, Sampling& sampling) {
  switch (letter) {
    case 'e':
      sampling.repeat_penalty = 1;
      sampling.presence_penalty = sampling.frequency_penalty = 0;
      break;
    case 'k':
      sampling.top_k = 0;
      break;
    case 'p':
      sampling.top_p = 1;
      break;
    case 'm':
      sampling.min_p = 0;
      break;
    default:
      sampling.temperature = 1;
  }
}

// The letters of the list; '?' for what no sampler is called.
std::string letters(Fields& fields, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string all;
  if (!value.is_array()) fields.wrong("samplers", "must be an array of names, or a string of letters");
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    const std::string field = std::format("samplers[{}]", i);
    if (!value[i].is_string()) {
      fields.wrong(field, "must be a string");
      break;
    }
    const auto& name = value[i].get_ref<const std::string&>();
    const auto* const known = std::ranges::find(kNames, std::string_view(name), &Name::name);
    if (known == std::end(kNames)) {
      fields.wrong(field, std::format("\"{}\" is not supported", name.substr(0, kMaxNamed)),
                   Errc::unsupported);
      break;
    }
    all += known->letter;
  }
  return all;
}

}  // namespace

void read_samplers(Fields& fields, Sampling& sampling) {
  const Json* value = fields.any("samplers");
  if (!value) return;
  std::size_t next = 0;  // in the order
  std::string wanted;
  for (const char letter : letters(fields, *value)) {
    if (kAlwaysOff.contains(letter)) continue;
    const std::size_t place = kOrder.find(letter);
    if (place == std::string_view::npos) {
      return fields.wrong("samplers", "has a letter of no sampler that is supported", Errc::unsupported);
    }
    if (place < next) {
      return fields.wrong("samplers", "must be in the order penalties, top_k, top_p, min_p, temperature",
                          Errc::unsupported);
    }
    next = place + 1;
    wanted += letter;
  }
  if (fields.error()) return;
  for (const char letter : kOrder) {
    if (!wanted.contains(letter)) switch_off(letter, sampling);
  }
}

}  // namespace banyan
