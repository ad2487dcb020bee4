// Models that are split into several files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "model/tools.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SplitModel : public ::testing::Test {
 protected:
  SplitModel() { write_tiny_model({}, whole_); }

  std::vector<std::string> split(int parts, bool keys_alone = false,
                                 const std::function<void(gguf_context*, int)>& edit = {}) const {
    return split_model(whole_, folder_.path("model"), parts, keys_alone, edit);
  }
  static Error refusal(const std::string& path) {
    const auto model = Model::load(path);
    if (model) return {Errc::busy, "it was accepted"};
    return model.error();
  }

  const TemporaryFolder folder_;
  const std::string whole_ = folder_.path("whole.gguf");
};

Logits logits_of(const std::string& path) {
  Subject subject(path);
  const auto state = subject.start();
  return subject.evaluate(*state, random_tokens(20, 288, 3));
}

TEST_F(SplitModel, IsTheSameAsInOneFile) {
  const Logits expected = logits_of(whole_);
  for (const int parts : {2, 3, 7}) EXPECT_EQ(logits_of(split(parts)[0]), expected) << parts;
  EXPECT_EQ(logits_of(split(2, /*keys_alone=*/true)[0]), expected);
}

TEST_F(SplitModel, IsTheSameInFormatsThatAreRearranged) {
  TinyModel model;
  model.embedding = model.feed_forward = 256;
  model.head_dim = 64;
  for (const ggml_type type : {GGML_TYPE_Q8_0, GGML_TYPE_Q4_0}) {
    model.type = type;
    write_tiny_model(model, whole_);
    // Parts end between tensors that are multiplied as one.
    EXPECT_EQ(logits_of(split(11)[0]), logits_of(whole_));
  }
}

TEST_F(SplitModel, TellsOfAllItsFiles) {
  const auto paths = split(3);
  const auto model = Model::load(paths[0]);
  const auto whole = Model::load(whole_);
  ASSERT_TRUE(model) << model.error().message;
  const ModelInfo& info = (*model)->info();
  EXPECT_EQ(info.path, paths[0]);
  ASSERT_EQ(info.files.size(), 3u);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(info.files[i].path, paths[i]);
    EXPECT_EQ(info.files[i].stamp, file_stamp(paths[i]).value());
    bytes += fs::file_size(paths[i]);
  }
  EXPECT_EQ(info.file_bytes, bytes);
  EXPECT_EQ(info.parameters, (*whole)->info().parameters);
  EXPECT_EQ((*model)->tensors().size(), (*whole)->tensors().size());
  EXPECT_EQ((*whole)->info().files.size(), 1u);
}

TEST_F(SplitModel, OfOnePartIsAModelWhateverItsName) {
  const auto paths = split(1);
  fs::rename(paths[0], folder_.path("other.gguf"));
  EXPECT_TRUE(Model::load(folder_.path("other.gguf")));
}

TEST_F(SplitModel, IsOpenedByItsFirstPart) {
  const auto paths = split(3);
  const Error error = refusal(paths[1]);
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, AllOf(HasSubstr(paths[1] + ": part 2 of a model in 3 files"),
                                   HasSubstr("open the first, " + paths[0])));
  fs::rename(paths[1], folder_.path("second.gguf"));
  EXPECT_THAT(refusal(folder_.path("second.gguf")).message, HasSubstr("-00001-of-00003.gguf"));
}

TEST_F(SplitModel, HasNamesThatTellItsParts) {
  const auto paths = split(3);
  fs::rename(paths[0], folder_.path("first.gguf"));
  const Error error = refusal(folder_.path("first.gguf"));
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("-00001-of-00003.gguf, -00002-of-00003.gguf"));
}

TEST_F(SplitModel, NamesAPartThatIsMissing) {
  const auto paths = split(3);
  fs::remove(paths[2]);
  const Error error = refusal(paths[0]);
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_THAT(error.message, AllOf(HasSubstr(paths[2]), HasSubstr("part 3 of 3")));
}

TEST_F(SplitModel, NamesAPartThatIsDamaged) {
  const auto paths = split(3);
  fs::resize_file(paths[1], fs::file_size(paths[1]) - 64);
  EXPECT_THAT(refusal(paths[0]).message,
              AllOf(HasSubstr(paths[1] + ": the file ends inside tensor"), HasSubstr("part 2 of 3")));
  fs::resize_file(paths[1], 3);
  EXPECT_EQ(refusal(paths[0]).code, Errc::corrupt);
  fs::resize_file(paths[1], 0);
  EXPECT_THAT(refusal(paths[0]).message, HasSubstr(paths[1] + ": the file is empty"));
}

TEST_F(SplitModel, NamesPartsThatAreSwapped) {
  const auto paths = split(3);
  fs::rename(paths[1], folder_.path("kept"));
  fs::rename(paths[2], paths[1]);
  fs::rename(folder_.path("kept"), paths[2]);
  const Error error = refusal(paths[0]);
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_THAT(error.message, HasSubstr(paths[1] + ": it says that it is part 3 of 3; part 2 of 3 expected"));
}

TEST_F(SplitModel, NamesAPartOfAnotherModel) {
  const auto paths = split(3);
  TinyModel more_layers;
  more_layers.layers = 3;
  write_tiny_model(more_layers, whole_);
  const auto others = split_model(whole_, folder_.path("other"), 3);
  fs::rename(others[1], paths[1]);
  const Error error = refusal(paths[0]);
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_THAT(error.message, HasSubstr(paths[1] + ": a part of another model than " + paths[0]));

  // A whole model, and a part of one that is cut elsewhere.
  fs::copy_file(whole_, paths[1], fs::copy_options::overwrite_existing);
  EXPECT_THAT(refusal(paths[0]).message,
              HasSubstr(paths[1] + ": it does not say that it is a part of a model"));
  write_tiny_model({}, whole_);
  const auto cut = split_model(whole_, folder_.path("other"), 3, /*keys_alone=*/true);
  fs::rename(cut[1], paths[1]);
  EXPECT_THAT(refusal(paths[0]).message,
              HasSubstr(paths[1] + ": tensor 'token_embd.weight' is also in " + paths[0]));
}

TEST_F(SplitModel, HasAsManyTensorsAsItSays) {
  const auto paths =
      split(3, false, [](gguf_context* gguf, int) { gguf_set_val_i32(gguf, "split.tensors.count", 99); });
  const Error error = refusal(paths[0]);
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_THAT(error.message, AllOf(HasSubstr(paths[0]), HasSubstr("'split.tensors.count' says 99")));
}

TEST_F(SplitModel, IsRefusedWhereItsNumbersCannotBe) {
  const auto with = [&](const std::function<void(gguf_context*)>& change) {
    return refusal(split(2, false, [&](gguf_context* gguf, int part) {
      if (part == 0) change(gguf);
    })[0]);
  };
  EXPECT_THAT(with([](gguf_context* gguf) { gguf_remove_key(gguf, "split.no"); }).message,
              HasSubstr("'split.no'"));
  EXPECT_THAT(with([](gguf_context* gguf) { gguf_set_val_u16(gguf, "split.no", 2); }).message,
              HasSubstr("'split.no'"));
  EXPECT_THAT(with([](gguf_context* gguf) { gguf_set_val_i32(gguf, "split.count", -2); }).message,
              HasSubstr("'split.count'"));
  EXPECT_THAT(with([](gguf_context* gguf) { gguf_set_val_u32(gguf, "split.count", UINT32_MAX); }).message,
              HasSubstr("'split.count'"));
  EXPECT_THAT(with([](gguf_context* gguf) { gguf_set_val_str(gguf, "split.count", "two"); }).message,
              HasSubstr("'split.count'"));
}

}  // namespace
}  // namespace banyan::test
