// SPDX-License-Identifier: Apache-2.0
#include "os/file_watch.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "os/fd.hpp"
#include "os/file.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::os {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public LoopTest {
 protected:
  TempDirectory directory;
  int calls = 0;
  std::unique_ptr<FileWatch> watch;

  void observe(const fs::path& path) {
    watch = FileWatch::open(*loop, path, [this] { ++calls; }).value();
    catch_up();
    calls = 0;
  }
  // Each change of what the path leads to is told, and nothing is told when nothing happens.
  void expect_told(const std::function<void()>& change) {
    catch_up();
    calls = 0;
    change();
    EXPECT_TRUE(eventually([this] { return calls > 0; }));
  }
};

TEST_F(FileWatchTest, AFileWrittenInPlace) {
  const auto file = directory / "file";
  write_file(file, "one");
  observe(file);
  for (const char* text : {"two", "three"}) expect_told([&] { write_file(file, text); });
  catch_up();
  EXPECT_EQ((calls = 0, catch_up(), calls), 0);
}

TEST_F(FileWatchTest, ReadingTellsNothing) {
  const auto file = directory / "file";
  write_file(file, "one");
  observe(file);
  EXPECT_TRUE(read_file(file, 100));
  catch_up();
  EXPECT_EQ(calls, 0);
}

TEST_F(FileWatchTest, AFileReplacedByRename) {
  const auto file = directory / "file";
  write_file(file, "one");
  observe(file);
  for (int i = 0; i < 3; ++i) {
    write_file(directory / "new", "two");
    expect_told([&] { fs::rename(directory / "new", file); });
  }
}

TEST_F(FileWatchTest, AFileRemovedAndMadeAgain) {
  const auto file = directory / "file";
  write_file(file, "one");
  observe(file);
  expect_told([&] { fs::remove(file); });
  expect_told([&] { write_file(file, "two"); });
  expect_told([&] { write_file(file, "three"); });
}

TEST_F(FileWatchTest, AMissingDirectoryThatAppears) {
  const auto file = directory / "a/b/file";
  observe(file);
  expect_told([&] { fs::create_directory(directory / "a"); });
  expect_told([&] { fs::create_directory(directory / "a/b"); });
  expect_told([&] { write_file(file, "one"); });
  expect_told([&] { fs::remove_all(directory / "a"); });
  fs::create_directories(directory / "a/b");
  write_file(file, "two");
  catch_up();
  expect_told([&] { write_file(file, "three"); });
}

TEST_F(FileWatchTest, ADirectoryMovedAway) {
  fs::create_directories(directory / "a/b/c");
  write_file(directory / "a/b/c/file", "one");
  observe(directory / "a/b/c/file");
  expect_told([&] { fs::rename(directory / "a/b", directory / "a/x"); });
  expect_told([&] { fs::create_directory(directory / "a/b"); });
}

// What the kubelet does to a ConfigMap volume: a directory for each generation, and one symlink swapped.
TEST_F(FileWatchTest, AConfigMapVolume) {
  const auto publish = [&](int generation) {
    const auto name = "..generation" + std::to_string(generation);
    fs::create_directory(directory / name);
    write_file(directory / name / "file", name);
    fs::create_directory_symlink(name, directory / "..data_tmp");
    fs::rename(directory / "..data_tmp", directory / "..data");
    if (generation > 1) fs::remove_all(directory / ("..generation" + std::to_string(generation - 1)));
  };
  publish(1);
  fs::create_symlink("..data/file", directory / "file");
  observe(directory / "file");
  for (int generation = 2; generation < 6; ++generation) {
    expect_told([&] { publish(generation); });
    EXPECT_EQ(read_file(directory / "file", 100).value(), "..generation" + std::to_string(generation));
  }
}

TEST_F(FileWatchTest, ASymlinkIntoAnotherDirectory) {
  fs::create_directory(directory / "here");
  fs::create_directory(directory / "there");
  write_file(directory / "there/file", "one");
  write_file(directory / "there/other", "two");
  fs::create_symlink(directory / "there/file", directory / "here/link");
  observe(directory / "here/link");
  expect_told([&] { write_file(directory / "there/file", "three"); });
  expect_told([&] {
    fs::remove(directory / "here/link");
    fs::create_symlink("../there/other", directory / "here/link");
  });
  expect_told([&] { write_file(directory / "there/other", "four"); });
}

TEST_F(FileWatchTest, ADirectoryIsWatchedForWhatIsInIt) {
  fs::create_directory(directory / "conf.d");
  observe(directory / "conf.d");
  expect_told([&] { write_file(directory / "conf.d/10-net.conf", "{}"); });
  expect_told([&] { fs::remove(directory / "conf.d/10-net.conf"); });
}

TEST_F(FileWatchTest, ASymlinkToItselfEnds) {
  fs::create_symlink("loop", directory / "loop");
  observe(directory / "loop");
  EXPECT_LE(places_to_watch(directory / "loop").size(), 300u);
}

TEST_F(FileWatchTest, MoreEventsThanTheQueueHolds) {
  const auto file = directory / "file";
  write_file(file, "one");
  observe(file);
  write_file(directory / "a", "x");
  for (int i = 0; i < 5'000; ++i) {  // four events each; fs.inotify.max_queued_events is 16,384
    fs::rename(directory / "a", directory / "b");
    fs::rename(directory / "b", directory / "a");
  }
  catch_up();
  expect_told([&] { write_file(file, "two"); });
}

TEST(ReadFile, IsBoundedAndTakesRegularFilesOnly) {
  const TempDirectory directory;
  write_file(directory / "file", "12345");
  EXPECT_EQ(read_file(directory / "file", 5).value(), "12345");
  EXPECT_THAT(read_file(directory / "file", 4).error().message, ::testing::EndsWith("larger than 4 bytes"));
  EXPECT_FALSE(read_file(directory / "none", 5));
  EXPECT_EQ(read_file_if_any(directory / "none", 5).value(), std::nullopt);
  ASSERT_EQ(mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(read_file(directory / "fifo", 5).error().message, ::testing::EndsWith("not a regular file"));
}

TEST(IsBeingWritten, UntilTheWriterHasClosed) {
  const TempDirectory directory;
  const auto file = directory / "file";
  EXPECT_FALSE(is_being_written(file));
  Fd writer(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_TRUE(is_being_written(file));
  writer.reset();
  EXPECT_FALSE(is_being_written(file));
  const Fd reader(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(is_being_written(file));
}

}  // namespace
}  // namespace masq::os
