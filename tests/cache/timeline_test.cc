// What people do with conversations, on models of each kind of layer memory: how much of what a
// prompt shares with earlier ones is restored, and what memory that takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/attention_state.h"
#include "banyan/recurrent_state.h"
#include "banyan/window_state.h"
#include "cache/fake_model.h"
#include "cache/node_snapshot.h"

namespace banyan {
namespace {

constexpr int kWindow = 128;

struct Kind {
  const char* name;
  LayerKinds layers;
  double least_restored;  ///< of what is matched, over all timelines
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

const Kind kKinds[] = {
    {"Attention", {}, 0.99},
    {"Window", {.attention = true, .window = true}, 0.99},
    {"Recurrent", {.attention = true, .recurrent = true}, 0.95},
    {"AllKinds", {.attention = true, .window = true, .recurrent = true}, 0.95},
};

std::vector<std::unique_ptr<LayerGroup>> groups_of(const LayerKinds& layers) {
  std::vector<std::unique_ptr<LayerGroup>> groups;
  if (layers.attention) groups.push_back(std::make_unique<AttentionGroup>(kTestLayout));
  if (layers.window) groups.push_back(std::make_unique<WindowGroup>(kTestLayout, kWindow));
  if (layers.recurrent) groups.push_back(std::make_unique<RecurrentGroup>(kTestRecurrentLayout));
  return groups;
}

/// So many characters of text that no other seed gives, the first one included.
std::string words(int seed, std::size_t length) {
  std::string text(1, static_cast<char>('0' + seed % 70));
  for (unsigned state = static_cast<unsigned>(seed); text.size() < length;
       state = state * 1664525 + 1013904223) {
    text += static_cast<char>('a' + (state >> 24) % 26);
  }
  return text;
}

/// A conversation as a chat template writes it, a token for each byte. The messages are a question
/// and an answer in turn.
struct Chat {
  std::string system;
  std::string tools;
  std::vector<std::string> messages;

  std::string text(std::vector<RestorePoint>* points = nullptr) const {
    std::string all = "<system\n" + system;
    if (!tools.empty()) {
      if (points != nullptr) points->push_back({.offset = all.size()});
      all += "\nThese are your tools:\n" + tools;
    }
    for (std::size_t i = 0; i < messages.size(); ++i) {
      all += begin(i);
      if (points != nullptr) points->push_back({.offset = all.size()});
      all += messages[i];
    }
    return all;
  }
  std::string prompt(std::vector<RestorePoint>* points = nullptr) const {
    return text(points) + begin(messages.size());
  }
  /// Where the content of a message begins.
  std::size_t start(std::size_t message) const {
    Chat before{system, tools, {messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(message)}};
    return before.prompt().size();
  }

 private:
  static std::string begin(std::size_t message) {
    return message % 2 == 0 ? ">\n<user\n" : ">\n<assistant\n";
  }
};

class Timeline {
 public:
  Timeline(const Kind& kind, std::size_t limit)
      : kind_(kind), budget_(limit), cache_(groups_of(kind.layers), budget_) {}
  ~Timeline() {
    cache_.clear();
    EXPECT_EQ(budget_.used(), 0u);
  }

  /// A request whose reply is the next message; cancelled after so many tokens of the prompt.
  SessionStats ask(Chat& chat, const std::string& reply, std::size_t cancel = SIZE_MAX) {
    std::vector<RestorePoint> points;
    const Path prompt = ids(chat.prompt(&points));
    if (!evaluate_request(prompt, points, reply, cancel)) return stats_;
    chat.messages.push_back(reply);
    return stats_;
  }
  /// A request that has the last answer go on.
  SessionStats go_on(Chat& chat, const std::string& more) {
    std::vector<RestorePoint> points;
    const Path prompt = ids(chat.text(&points));
    evaluate_request(prompt, points, more, SIZE_MAX);
    chat.messages.back() += more;
    return stats_;
  }

  PrefixCache& cache() { return cache_; }
  Budget& budget() { return budget_; }
  bool recurrent() const { return kind_.layers.recurrent; }
  bool attention_only() const { return !kind_.layers.recurrent && !kind_.layers.window; }

  /// Bytes that nodes keep so that their ends can be resumed: windows, and recurrent states.
  std::size_t point_bytes(std::string_view kind) const {
    std::size_t bytes = 0;
    const auto groups = groups_of(kind_.layers);
    cache_.trie().walk([&](const Node& node) {
      for (std::size_t i = 0; i < groups.size() && !node.is_root(); ++i) {
        const StatePart* part = NodeSnapshot::of(node).parts()[i].get();
        if (groups[i]->kind() == kind && part != nullptr) bytes += part->bytes();
      }
      return true;
    });
    return bytes;
  }
  std::size_t depth() const {
    std::size_t depth = 0;
    cache_.trie().walk([&](const Node& node) {
      depth = std::max(depth, node.end());
      return true;
    });
    return depth;
  }

 private:
  bool evaluate_request(const Path& prompt, const std::vector<RestorePoint>& points, const std::string& reply,
                        std::size_t cancel) {
    Session session = *cache_.begin(prompt, place_restore_points(points, prompt.size()));
    EXPECT_TRUE(holds_its_path(session));
    const std::size_t restored = session.position();
    while (!session.pending().empty() && session.position() - restored < cancel) {
      const std::size_t chunk = std::min<std::size_t>(100, session.pending().size());
      const Result<> evaluated = evaluate(session, session.pending().first(chunk));
      EXPECT_TRUE(evaluated) << evaluated.error().message;
      if (!evaluated) break;
    }
    if (session.pending().empty()) {
      session.publish();
      for (const Token token : ids(reply)) EXPECT_TRUE(evaluate(session, TokenSpan(&token, 1)));
      EXPECT_TRUE(holds_its_path(session));
    }
    session.close();
    EXPECT_EQ(cache_.check(), "");
    stats_ = session.stats();
    const bool whole = cancel == SIZE_MAX;
    if (whole) {
      EXPECT_EQ(stats_.evaluated, prompt.size() - stats_.restored + reply.size());
    }
    return whole;
  }

  const Kind& kind_;
  Budget budget_;
  PrefixCache cache_;
  SessionStats stats_;
};

/// Turns, each of which restores all that came before it.
Chat converse(Timeline& line, int seed, int turns) {
  Chat chat{words(seed, 600), {}, {}};
  std::size_t end = 0;
  for (int turn = 0; turn < turns; ++turn) {
    chat.messages.push_back(words(seed + 2 * turn, 20 + turn * 37 % 150));
    const SessionStats stats = line.ask(chat, words(seed + 2 * turn + 1, 30 + turn * 53 % 90));
    EXPECT_EQ(stats.matched, end) << "turn " << turn;
    EXPECT_EQ(stats.restored, end) << "turn " << turn;
    end = chat.text().size();
  }
  return chat;
}

void thirty_turns(Timeline& line) {
  converse(line, 1, 30);
  const std::size_t depth = line.depth();
  const std::size_t state = kTestRecurrentLayout.bytes();
  const std::size_t token = kTestLayout.bytes_per_token();
  // While memory is plenty: the last turn's, and behind it none that one close before it stands in for.
  std::size_t most_points = 5;
  for (std::size_t at = 0; at < depth; at += std::max<std::size_t>(32, at / 32)) ++most_points;
  EXPECT_LE(line.point_bytes("recurrent"), most_points * state);
  EXPECT_LE(line.point_bytes("window"), depth * token);
  // When it gets short, those that stand close to another go, before any token is lost.
  while (line.point_bytes("recurrent") > (depth / 33 + 1) * state) ASSERT_TRUE(line.cache().evict_one());
  EXPECT_EQ(line.cache().counters().tokens, depth);
  // Then the others go too, the oldest first.
  while (line.cache().counters().nodes > 2) ASSERT_TRUE(line.cache().evict_one());
  EXPECT_EQ(line.cache().counters().tokens, depth);
  EXPECT_LE(line.point_bytes("recurrent"), state);
  EXPECT_LE(line.point_bytes("window"), kWindow * token);
}

void reply_regenerated(Timeline& line) {
  Chat chat = converse(line, 2, 10);
  for (int attempt = 0; attempt < 3; ++attempt) {
    chat.messages.pop_back();
    const std::size_t size = chat.prompt().size();
    const SessionStats stats = line.ask(chat, words(40 + attempt, 60));
    EXPECT_EQ(stats.matched, size);
    // The first retry is held back a little, and captures where the next can resume.
    EXPECT_EQ(stats.restored, size - (line.recurrent() && attempt == 0 ? 4 : 1));
    EXPECT_EQ(stats.evaluated, size - stats.restored + 60);
  }
}

void earlier_message_edited(Timeline& line) {
  Chat chat = converse(line, 3, 20);
  for (const std::size_t message : {30u, 16u, 4u}) {
    chat.messages.resize(message + 1);
    chat.messages.back() = words(60 + static_cast<int>(message), 80);
    const SessionStats stats = line.ask(chat, words(50, 60));
    EXPECT_EQ(stats.matched, chat.start(message)) << message;
    // On a recurrent model from a point not far before, where they have been thinned.
    const std::size_t far = std::max<std::size_t>(32, chat.start(message) / 32);
    EXPECT_GE(stats.restored + (line.recurrent() ? far : 0), chat.start(message)) << message;
  }
}

void reply_partly_kept(Timeline& line) {
  Chat chat = converse(line, 4, 10);
  const std::size_t start = chat.start(chat.messages.size() - 1);
  chat.messages.back().resize(chat.messages.back().size() / 2);
  const std::size_t size = chat.text().size();
  const SessionStats stats = line.go_on(chat, words(51, 30));
  EXPECT_EQ(stats.matched, size);
  EXPECT_EQ(stats.restored, line.recurrent() ? start : size - 1) << "the prompt's end is a point";
  // A long reply has points of its own.
  chat.messages.push_back(words(52, 60));
  line.ask(chat, words(53, 2000));
  chat.messages.back().resize(1700);
  const std::size_t long_size = chat.text().size();
  const SessionStats long_stats = line.go_on(chat, words(54, 30));
  EXPECT_EQ(long_stats.matched, long_size);
  EXPECT_GE(long_stats.restored + (line.attention_only() ? 1 : 256), long_size);
}

void same_system_prompt_other_tools(Timeline& line) {
  Chat first{words(5, 900), words(6, 300), {words(7, 50)}};
  line.ask(first, words(8, 40));
  const std::size_t system_end = Chat{first.system, {}, {}}.text().size();
  Chat second{first.system, words(9, 250), {words(10, 50)}};
  const std::size_t fork = system_end + std::string("\nThese are your tools:\n").size();
  SessionStats stats = line.ask(second, words(11, 40));
  EXPECT_EQ(stats.matched, fork);
  const bool anywhere = stats.limited_by.empty();
  EXPECT_EQ(stats.restored, anywhere ? fork : system_end);
  Chat third{first.system, words(12, 250), {words(13, 50)}};
  stats = line.ask(third, words(14, 40));
  EXPECT_EQ(stats.matched, fork);
  EXPECT_EQ(stats.restored, fork) << "the second captured where it parted from the first";
  // The agents go on.
  for (Chat* chat : {&first, &second, &third}) {
    const std::size_t end = chat->text().size();
    chat->messages.push_back(words(15, 70));
    EXPECT_EQ(line.ask(*chat, words(16, 40)).restored, end);
  }
}

void cancelled_twice_and_retried(Timeline& line) {
  Chat chat{words(17, 600), {}, {words(18, 1500)}};
  EXPECT_EQ(line.ask(chat, "", 500).evaluated, 500u);
  for (const std::size_t passed : {500u, 1000u}) {
    const SessionStats stats = line.ask(chat, "", 500);
    EXPECT_EQ(stats.matched, passed);
    EXPECT_EQ(stats.restored, passed);
  }
  const SessionStats stats = line.ask(chat, words(19, 60));
  EXPECT_EQ(stats.matched, 1500u);
  EXPECT_EQ(stats.restored, 1500u);
}

void unrelated_sessions_between(Timeline& line) {
  Chat chat{words(20, 600), {}, {}};
  std::size_t end = 0;
  for (int turn = 0; turn < 10; ++turn) {
    chat.messages.push_back(words(21 + turn, 60));
    const SessionStats stats = line.ask(chat, words(22 + turn, 60));
    EXPECT_EQ(stats.matched, end);
    EXPECT_EQ(stats.restored, end);
    end = chat.text().size();
    Chat other{"About " + std::to_string(turn) + words(33 + turn, 300), {}, {words(23, 60)}};
    EXPECT_LE(line.ask(other, words(24, 60)).matched, 20u);
  }
}

void eviction_under_pressure(Timeline& line) {
  // Some of eight conversations are held more often than others; there is memory for the like of three.
  std::mt19937 random(7);
  const auto below = [&](std::size_t end) { return random() % end; };
  std::vector<Chat> chats(8);
  int seed = 100;
  for (int request = 0; request < 120; ++request) {
    Chat& chat = chats[std::min(below(8), below(8))];
    if (chat.system.empty() || chat.messages.size() > 20) chat = {words(++seed, 400), {}, {}};
    const std::size_t turns = chat.messages.size() / 2;
    const std::size_t deed = below(8);
    if (turns > 0 && deed == 0) {
      chat.messages.pop_back();  // regenerated
    } else {
      if (turns > 0 && deed == 1) {  // edited
        chat.messages.resize(2 * (turns - 1 - below(std::min<std::size_t>(turns, 3))));
      }
      chat.messages.push_back(words(++seed, 20 + below(150)));
    }
    const std::size_t known = line.cache().match_length(ids(chat.prompt()));
    EXPECT_EQ(line.ask(chat, words(++seed, 30 + below(90))).matched, known);
  }
  EXPECT_GT(line.cache().counters().evictions, 40u);
  EXPECT_GT(line.cache().counters().matched_tokens, 40'000u);
  EXPECT_LE(line.budget().peak(), line.budget().limit());
}

constexpr std::size_t kPlenty = std::size_t{256} << 20;

struct {
  void (*run)(Timeline&);
  std::size_t memory;
} const kTimelines[] = {
    {thirty_turns, kPlenty},
    {reply_regenerated, kPlenty},
    {earlier_message_edited, kPlenty},
    {reply_partly_kept, kPlenty},
    {same_system_prompt_other_tools, kPlenty},
    {cancelled_twice_and_retried, kPlenty},
    {unrelated_sessions_between, kPlenty},
    {eviction_under_pressure, std::size_t{1} << 20},
};

class Timelines : public testing::TestWithParam<Kind> {};

TEST_P(Timelines, RestoreNearlyAllThatTheyMatch) {
  std::size_t matched = 0;
  std::size_t restored = 0;
  for (const auto& [run, memory] : kTimelines) {
    Timeline line(GetParam(), memory);
    run(line);
    matched += line.cache().counters().matched_tokens;
    restored += line.cache().counters().restored_tokens;
  }
  const double share = static_cast<double>(restored) / static_cast<double>(matched);
  EXPECT_GE(share, GetParam().least_restored);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Timelines, testing::ValuesIn(kKinds),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace banyan
