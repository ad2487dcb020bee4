/// What comes back from a lower tier.
///
/// A load is made of stages, each of which brings a prompt to a further offset at which all groups can
/// resume. Some are under way at any time, and what has come can be used, whatever becomes of the rest. When
/// the tier turns out to be slower than evaluating, or something is damaged, a load ends with what has come.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banyan/budget.h"
#include "banyan/tier.h"
#include "cache/node_snapshot.h"
#include "cache/stored/index.h"

namespace banyan {

/// What has come of a path.
struct Loaded {
  std::size_t offset = 0;
  /// That the index goes along with the prompt, and what keeps it from resuming there. Of a stage that is not
  /// the last, `offset` and nothing.
  std::size_t matched = 0;
  Resumption resumption;
  std::vector<std::unique_ptr<LiveState>> states;  ///< at `offset`, one for each group
};

class Loading {
 public:
  /// Names a load; never 0, and none is given twice.
  using Id = std::uint64_t;

  struct Arrival {
    Id load = 0;
    std::optional<Loaded> part;  ///< none where the load ends without more
    bool is_last = false;
    std::size_t next = 0;  ///< the offset of the next part, if there is one
  };

  /// All must outlive it; what goes wrong is noted.
  Loading(const Groups& groups, StoredIndex& index, Budget& budget, Tier& tier,
          std::vector<std::string>& notes);

  struct Begun {
    Id load = 0;
    std::size_t next = 0;  ///< the offset of the first part
  };
  /// Has what the tier knows more of `prompt` than memory come back, where that is worth it. `paths` are
  /// memory's parts on the path, which goes along with the prompt for `matched` tokens; `restored` of them
  /// are restored. What comes back ends before the prompt's last token.
  std::optional<Begun> begin(TokenSpan prompt, const std::vector<std::vector<PathPart>>& paths,
                             std::size_t matched, std::size_t restored);
  /// No one waits for the load any more; it ends as soon as it can, and does not arrive.
  void abandon(Id load);

  /// Takes what has become of a look-up. Returns false where it is not one. Takes no memory.
  bool take(Tier::Outcome& outcome);
  /// The next part that has come, or load that has ended, if any.
  std::optional<Arrival> next_arrival();

  /// What would be evaluated otherwise, in tokens a second. 0: not known, and loading is taken to be faster.
  void set_evaluation_speed(double tokens_per_second) { evaluation_speed_ = tokens_per_second; }

  /// Whether memory is held by loads that no one waits for.
  bool awaits_memory() const;
  /// Sessions that something has come for, and loads that ended for damage, or what the system refused.
  std::uint64_t count() const { return count_; }
  std::uint64_t failed() const { return failed_; }
  /// Memory that loads are filling.
  void visit_allocations(const AllocationVisitor& visit) const;
  /// Blocks in the hands of loads.
  std::vector<std::shared_ptr<StoredBlock>> held_blocks() const;

 private:
  struct Stage {
    std::size_t offset = 0;
    std::vector<std::unique_ptr<LiveState>> states;
    std::vector<std::shared_ptr<StoredBlock>> blocks;
    std::size_t bytes = 0;
    Tier::Ticket ticket = 0;
    std::optional<Tier::Outcome> outcome;  // once it has ended
  };
  struct Load {
    std::vector<Token> path;
    std::size_t matched = 0;
    Resumption resumption;
    std::vector<std::size_t> ends;  // of its stages
    std::size_t begun = 0;          // stages
    std::deque<Stage> stages;       // under way
    Parts parts;                    // of what the stages begun so far leave
    bool is_wanted = true;
    bool has_come = false;  // any of it
  };
  using Loads = std::map<Id, Load>;

  std::vector<std::size_t> plan(const StoredIndex::Found& found, std::size_t restored) const;
  /// Begins as many stages as are to be under way.
  void begin_stages(Id id, Load& load);
  bool begin_stage(Id id, Load& load, const std::vector<std::vector<PathPart>>& memory,
                   std::size_t in_memory);
  /// Loads that someone waits for.
  std::size_t wanted() const;
  /// Whether loading the tokens [from, to), one of so many loads at once, takes no longer than evaluating
  /// them.
  bool is_worth(std::size_t from, std::size_t to, std::size_t at_once) const;
  Arrival arrive(Id id, Load& load, Stage stage);
  void stop(Load& load);
  std::size_t most_bytes_under_way() const;

  const Groups& groups_;
  StoredIndex& index_;
  Budget& budget_;
  Tier& tier_;
  std::vector<std::string>& notes_;
  std::size_t token_bytes_ = 0;  // that stages load of each token
  std::size_t stage_bytes_ = 0;  // that each stage loads besides
  double evaluation_speed_ = 0;
  Loads loads_;
  Id last_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace banyan
