/* Reads records (a length of four bytes, big endian, and the bytes of an AllFeatures), unpacks and packs each with
 * libprotobuf-c, and writes what comes out; the length 0xFFFFFFFF stands for a message that it refuses.
 *
 * usage: protobuf_c IN OUT */
#include <stdio.h>
#include <stdlib.h>

#include "all_features.pb-c.h"

static int get_length(FILE *in, size_t *length) {
  unsigned char head[4];
  if (fread(head, 1, 4, in) != 4) return 0;
  *length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
  return 1;
}

static void put_length(FILE *out, size_t length) {
  unsigned char head[4] = {(unsigned char)(length >> 24), (unsigned char)(length >> 16), (unsigned char)(length >> 8),
                           (unsigned char)length};
  fwrite(head, 1, 4, out);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (!in || !out) return 2;
  size_t length;
  while (get_length(in, &length)) {
    unsigned char *bytes = malloc(length + 1);
    if (!bytes || fread(bytes, 1, length, in) != length) return 2;
    Ragdz__Test__AllFeatures *message = ragdz__test__all_features__unpack(NULL, length, bytes);
    free(bytes);
    if (!message) {
      put_length(out, 0xFFFFFFFF);
      continue;
    }
    size_t size = ragdz__test__all_features__get_packed_size(message);
    unsigned char *packed = malloc(size + 1);
    if (!packed || ragdz__test__all_features__pack(message, packed) != size) return 2;
    put_length(out, size);
    fwrite(packed, 1, size, out);
    free(packed);
    ragdz__test__all_features__free_unpacked(message, NULL);
  }
  fclose(in);
  return fclose(out) == 0 ? 0 : 2;
}
