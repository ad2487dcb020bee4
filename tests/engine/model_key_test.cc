#include "engine/model_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "banyan/attention_state.h"
#include "banyan/recurrent_state.h"
#include "banyan/window_state.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class ContentHashTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = files_.path(name);
    std::ofstream(path) << text;
    return path;
  }
  // The digits, and in reads_ how often the file was read for them.
  std::string hash(const std::string& path) {
    const auto hash = content_hash(path, folder_.path(), [&](float part) {
      if (part == 1) ++reads_;
      return true;
    });
    EXPECT_TRUE(hash) << hash.error().message;
    EXPECT_EQ(hash->stamp, file_stamp(path).value());
    return hash->digits;
  }
  std::string notes() const {
    std::ifstream file(notes_path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const test::TemporaryFolder files_, folder_;
  const std::string notes_path_ = folder_.path("model-hashes");
  int reads_ = 0;
};

TEST_F(ContentHashTest, IsXxh3OfTheWholeFile) {
  // What the xxhsum program says, in bytes from the highest.
  EXPECT_EQ(content_hash(write("empty", ""), folder_.path())->digits, "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash(write("text", "abc")), "06b05ab6733a618578af5f94892f3950");
  std::string text(5'000'000, 'x');
  const std::string before = hash(write("long", text));
  text.back() = 'y';
  EXPECT_NE(hash(write("other", text)), before);
}

TEST_F(ContentHashTest, AFileIsReadOnceForAsLongAsItStaysAsItIs) {
  const std::string one = write("one", "the one"), two = write("two", "the two");
  const std::string hash_one = hash(one), hash_two = hash(two);
  EXPECT_EQ(reads_, 2);
  EXPECT_EQ(hash(one), hash_one);
  EXPECT_EQ(hash(two), hash_two);
  EXPECT_EQ(reads_, 2);
}

TEST_F(ContentHashTest, AFileThatChangesIsReadAgainWhateverItsDate) {
  const std::string path = write("model", "the one");
  const std::string before = hash(path);
  const auto date = fs::last_write_time(path);
  write("model", "the two");
  fs::last_write_time(path, date);
  EXPECT_NE(hash(path), before);
  EXPECT_EQ(reads_, 2);
}

TEST_F(ContentHashTest, NotesAreTheUsersAloneAndAllThatIsWritten) {
  hash(write("model", "text"));
  struct stat status = {};
  ASSERT_EQ(stat(notes_path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(files_.path()), {}), 1);
}

TEST_F(ContentHashTest, DamagedNotesAreNotBelieved) {
  const std::string path = write("model", "text");
  const std::string right = hash(path);
  const std::string good = notes();
  ASSERT_GT(good.size(), 50u);
  for (std::size_t i = 0; i + 1 < good.size(); ++i) {  // what follows a whole line does not matter
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    std::ofstream(notes_path_) << bad;
    reads_ = 0;
    EXPECT_EQ(hash(path), right) << bad;
    EXPECT_EQ(reads_, 1) << bad;
    std::ofstream(notes_path_) << good.substr(0, i);
    EXPECT_EQ(hash(path), right);
    EXPECT_EQ(reads_, 2) << i;
  }
  std::ofstream(notes_path_) << std::string(1 << 20, 'x');
  EXPECT_EQ(hash(path), right);
  EXPECT_LT(notes().size(), 200u);
}

TEST_F(ContentHashTest, TheLatestFilesAreNoted) {
  std::vector<std::string> paths;
  for (int i = 0; i < 70; ++i) {
    paths.push_back(write(std::to_string(i), std::to_string(i)));
    hash(paths.back());
  }
  reads_ = 0;
  for (int i = 10; i < 70; ++i) hash(paths[static_cast<std::size_t>(i)]);
  EXPECT_EQ(reads_, 0);
  hash(paths[0]);
  EXPECT_EQ(reads_, 1);
  EXPECT_LT(notes().size(), 64u * 150);
}

TEST_F(ContentHashTest, WithoutAPlaceForNotesTheFileIsReadEachTime) {
  const std::string path = write("model", "text");
  int reads = 0;
  for (int i = 0; i < 2; ++i) {
    const auto hash = content_hash(path, "/no/such/folder", [&](float) { return ++reads > 0; });
    EXPECT_EQ(hash.value().digits, this->hash(path));
  }
  EXPECT_EQ(reads, 2);
}

TEST_F(ContentHashTest, CanBeStopped) {
  const std::string path = write("model", std::string(4 << 20, 'x'));
  float last = 0;
  const auto hash = content_hash(path, folder_.path(), [&](float part) {
    last = part;
    return part < 0.5f;
  });
  EXPECT_EQ(hash.error().code, Errc::cancelled);
  EXPECT_EQ(last, 0.5f);
  EXPECT_FALSE(fs::exists(notes_path_));
}

TEST_F(ContentHashTest, AFileThatIsNotThereIsNamed) {
  for (const std::string path : {"/no/such/model.gguf", "/"}) {
    const auto hash = content_hash(path, folder_.path());
    ASSERT_FALSE(hash);
    EXPECT_EQ(hash.error().code, Errc::io);
    EXPECT_THAT(hash.error().message, HasSubstr(path));
  }
  EXPECT_EQ(file_stamp("/no/such/model.gguf").error().code, Errc::io);
}

TEST_F(ContentHashTest, CoversAllFilesOfAModelInTheirOrder) {
  const auto file = [&](const std::string& name, const std::string& text) {
    const std::string path = write(name, text);
    return ModelFileInfo{path, file_stamp(path).value()};
  };
  const ModelFileInfo one = file("one", "abc"), two = file("two", "defghi"), other = file("other", "defghj");
  const auto content = [&](std::vector<ModelFileInfo> files) {
    return model_content(files, folder_.path()).value();
  };
  EXPECT_EQ(content({one}), hash(one.path));
  EXPECT_THAT(content({one, two}), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(content({one, two}), content({one}));
  EXPECT_NE(content({one, two}), content({two, one}));
  EXPECT_NE(content({one, two}), content({one, other}));

  std::vector<float> parts;
  const test::TemporaryFolder elsewhere;
  const ModelFileInfo both[] = {one, two};
  ASSERT_TRUE(model_content(both, elsewhere.path(), [&](float part) {
    parts.push_back(part);
    return true;
  }));
  EXPECT_TRUE(std::ranges::is_sorted(parts));
  EXPECT_FLOAT_EQ(parts.back(), 1);
  EXPECT_FLOAT_EQ(parts.front(), 1.0f / 3);

  const ModelFileInfo changed{two.path, one.stamp};
  const ModelFileInfo not_as_loaded[] = {one, changed};
  const auto refused = model_content(not_as_loaded, folder_.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::io);
  EXPECT_THAT(refused.error().message, HasSubstr(two.path + ": the file was changed"));
}

TEST(ModelKey, TellsApartAllThatStatesDependOn) {
  const KvLayout layout = {.layers = 6, .kv_heads = 2, .key_dim = 64, .value_dim = 64};
  const RecurrentLayout delta = {
      .layers = 3, .conv_taps = 3, .conv_channels = 96, .value_heads = 2, .value_dim = 32, .key_dim = 16};
  std::string computation = "banyan llama 1";
  const auto key = [&](std::string_view content, KvType type, auto... groups) {
    std::vector<std::unique_ptr<LayerGroup>> all;
    (all.push_back(std::make_unique<decltype(groups)>(groups)), ...);
    return model_key(content, computation, type, all);
  };
  KvLayout more_layers = layout, more_heads = layout, longer_keys = layout, longer_values = layout;
  more_layers.layers = 7;
  more_heads.kv_heads = 4;
  longer_keys.key_dim = 128;
  longer_values.value_dim = 128;
  RecurrentLayout more_taps = delta;
  more_taps.conv_taps = 4;
  std::vector<std::string> keys = {
      key("content", KvType::f16, AttentionGroup(layout)),
      key("others", KvType::f16, AttentionGroup(layout)),
      key("content", KvType::q8_0, AttentionGroup(layout)),
      key("content", KvType::f16, AttentionGroup(more_layers)),
      key("content", KvType::f16, AttentionGroup(more_heads)),
      key("content", KvType::f16, AttentionGroup(longer_keys)),
      key("content", KvType::f16, AttentionGroup(longer_values)),
      key("content", KvType::f16, WindowGroup(layout, 128)),
      key("content", KvType::f16, WindowGroup(layout, 256)),
      key("content", KvType::f16, AttentionGroup(layout), WindowGroup(layout, 128)),
      key("content", KvType::f16, AttentionGroup(layout), RecurrentGroup(delta)),
      key("content", KvType::f16, AttentionGroup(layout), RecurrentGroup(more_taps)),
      key("content", KvType::f16),
  };
  for (const char* other : {"banyan llama 2", "banyan qwen2 1"}) {
    computation = other;
    keys.push_back(key("content", KvType::f16, AttentionGroup(layout)));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_THAT(keys[i], MatchesRegex("[0-9a-f]{32}"));
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(keys[i], keys[j]) << i << " and " << j;
  }
  // With another key all that was stored would be lost.
  EXPECT_EQ(keys[0], "c53e0705d001af2a5b8666234b68dcd7");
}

}  // namespace
}  // namespace banyan
