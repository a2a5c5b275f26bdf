// The C++ peer of main.swift: the same messages through libprotobuf, each operation on a fresh message.
#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "bench.pb.h"

static double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static volatile size_t sink;
static long fixed_count = 0;
static std::string only;

template <class F>
static void run(const std::string& name, F body) {
  if (!only.empty() && only != name) return;
  if (fixed_count > 0) {
    for (long i = 0; i < fixed_count; i++) sink += body();
    return;
  }
  long count = 16;
  for (;; count *= 2) {
    double start = cpu_seconds();
    for (long i = 0; i < count; i++) sink += body();
    if (cpu_seconds() - start > 0.02) break;
  }
  double best = 1e9;
  for (int batch = 0; batch < 9; batch++) {
    double start = cpu_seconds();
    for (long i = 0; i < count; i++) sink += body();
    double each = (cpu_seconds() - start) / count;
    if (each < best) best = each;
  }
  std::printf("c++ %s %d\n", name.c_str(), int(best * 1e9));
}

template <class M>
static void measure(const std::string& name, const M& message) {
  std::string wire = message.SerializeAsString(), json;
  (void)google::protobuf::util::MessageToJsonString(message, &json);
  run(name + "-encode", [&] { std::string s; message.SerializeToString(&s); return s.size(); });
  run(name + "-decode", [&] { M m; return size_t(m.ParseFromString(wire)); });
  run(name + "-json-encode", [&] { std::string s; (void)google::protobuf::util::MessageToJsonString(message, &s); return s.size(); });
  run(name + "-json-decode", [&] { M m; return size_t(google::protobuf::util::JsonStringToMessage(json, &m).ok()); });
}

int main(int argc, char** argv) {
  if (argc > 1) fixed_count = std::atol(argv[1]);
  if (argc > 2) only = argv[2];
  bench::Small small;
  small.set_text("abcdefghijklmnopqrstuvwx");
  small.set_id(1234567890123);
  for (int i = 0; i < 8; i++) small.add_values(0.25 + 1.5 * i);
  measure("100B", small);
  bench::Result result;
  for (int i = 0; i < 20; i++) {
    bench::Chunk* chunk = result.add_chunks();
    chunk->set_id("doc-" + std::to_string(661259 + i * 4273));
    std::string text;
    for (int k = 0; k < 3; k++) text += "passage of search index vector score ranking ";
    chunk->set_text(text + "server stream");
    chunk->set_score(0.5f + i / 67.0f);
    (*chunk->mutable_meta())["lang"] = "en";
    (*chunk->mutable_meta())["page"] = std::to_string(i * 47);
    (*chunk->mutable_meta())["source"] = "corpus-" + std::to_string(i % 3);
  }
  measure("4KB", result);
}
