#include <algorithm>
#include <chrono>
#include <cstdint>
#include <format>
#include <memory>
#include <optional>
#include <print>
#include <string>
#include <vector>

#include "banyan/disk_tier.h"
#include "cli/command.h"
#include "cli/engine_flags.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

struct CacheFlags {
  std::string folder;
  std::string model;
  std::optional<std::chrono::seconds> older_than;
  bool all = false;
};

std::string age(const DiskCacheModel& model) {
  const auto since = std::chrono::system_clock::now() - model.last_use;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  return format_age(std::max(seconds, std::chrono::seconds(0)));
}

/// The one model whose key begins with what was given; none when nothing was.
Result<std::optional<std::string>> find_model(const CacheFlags& flags) {
  if (flags.model.empty()) return std::nullopt;
  const auto models = list_disk_cache(flags.folder);
  if (!models) return std::unexpected(models.error());
  std::optional<std::string> found;
  for (const DiskCacheModel& model : *models) {
    if (!model.key.starts_with(flags.model)) continue;
    if (found) return fail(Errc::invalid_argument, std::format("several keys begin with '{}'", flags.model));
    found = model.key;
  }
  if (!found) {
    return fail(Errc::invalid_argument,
                std::format("{} has no model with a key that begins with '{}'", flags.folder, flags.model));
  }
  return found;
}

Result<int> list(const CacheFlags& flags) {
  const auto models = list_disk_cache(flags.folder);
  if (!models) return std::unexpected(models.error());
  std::println("{:<32}  {:>10}  {:>8}  {:>8}  {}", "KEY", "SIZE", "BLOCKS", "USED", "MODEL");
  for (const DiskCacheModel& model : *models) {
    std::println("{}  {:>10}  {:>8}  {:>8}  {}", model.key, format_bytes(model.bytes), grouped(model.blocks),
                 age(model), model.description);
  }
  return kExitOk;
}

Result<int> sizes(const CacheFlags& flags) {
  const auto models = list_disk_cache(flags.folder);
  if (!models) return std::unexpected(models.error());
  std::uint64_t total = 0;
  for (const DiskCacheModel& model : *models) {
    std::println("{:>10}  {}", format_bytes(model.bytes), model.key);
    total += model.bytes;
  }
  std::println("{:>10}  in all", format_bytes(total));
  return kExitOk;
}

Result<int> verify(const CacheFlags& flags) {
  const auto model = find_model(flags);
  if (!model) return std::unexpected(model.error());
  const auto damage = verify_disk_cache(flags.folder, *model);
  if (!damage) return std::unexpected(damage.error());
  for (const std::string& sentence : *damage) std::println("{}", sentence);
  std::println("{}", damage->empty() ? "nothing is damaged" : std::format("{} damaged", damage->size()));
  return damage->empty() ? kExitOk : kExitFailure;
}

Result<int> clear(const CacheFlags& flags) {
  if (!flags.all && flags.model.empty() && !flags.older_than) {
    throw CLI::RequiredError("what to clear, --model KEY, --older-than AGE or --all,");
  }
  const auto model = find_model(flags);
  if (!model) return std::unexpected(model.error());
  const auto cleared = clear_disk_cache(flags.folder, {.key = *model, .older_than = flags.older_than});
  if (!cleared) return std::unexpected(cleared.error());
  std::println("{} removed, {}", cleared->blocks == 1 ? "1 block" : grouped(cleared->blocks) + " blocks",
               format_bytes(cleared->bytes));
  return kExitOk;
}

CLI::Option* add_model_option(CLI::App& command, CacheFlags& flags) {
  return command.add_option("--model", flags.model, "Only this model: the first digits of its key")
      ->type_name("KEY");
}

}  // namespace

Command add_cache(CLI::App& app) {
  auto flags = std::make_shared<CacheFlags>();
  CLI::App* command = app.add_subcommand("cache", "List, check or clear a disk cache");
  const auto add = [&](const char* name, const char* what) {
    CLI::App* action = command->add_subcommand(name, what);
    action->get_help_ptr()->group("Options");
    action->group("Commands");
    add_disk_cache_flag(*action, flags->folder, "The folder")->required();
    return action;
  };
  CLI::App* ls = add("ls", "Show what it holds of each model");
  CLI::App* du = add("du", "Show what it takes on the disk");
  CLI::App* check = add("verify", "Read all of it and tell what is damaged");
  add_model_option(*check, *flags);
  CLI::App* remove = add("clear", "Remove a model's part, what is old, or all");
  CLI::Option* model = add_model_option(*remove, *flags);
  CLI::Option* older = remove
                           ->add_option_function<std::string>(
                               "--older-than",
                               [flags](const std::string& text) {
                                 const auto age = parse_duration(text);
                                 if (!age) throw CLI::ValidationError("--older-than", age.error().message);
                                 flags->older_than = *age;
                               },
                               "Only what was not used for so long, such as 12h or 7d")
                           ->type_name("AGE");
  remove->add_flag("--all", flags->all, "All models and ages")->excludes(model)->excludes(older);
  command->require_subcommand(1);
  command->footer(
      "The folder is that of 'banyan serve --disk-cache'. verify and clear need it for themselves; ls and\n"
      "du do not. verify exits with 1 when something is damaged; what is damaged is never used.\n"
      "\n"
      "Examples:\n"
      "  banyan cache ls --disk-cache ~/banyan-cache\n"
      "  banyan cache verify --disk-cache ~/banyan-cache\n"
      "  banyan cache clear --disk-cache ~/banyan-cache --older-than 7d");
  return {command, [flags, ls, du, check] {
            if (ls->parsed()) return list(*flags);
            if (du->parsed()) return sizes(*flags);
            return check->parsed() ? verify(*flags) : clear(*flags);
          }};
}

}  // namespace banyan::cli
