#ifndef RAGDZ_COpenSSL_CRYPTO_H
#define RAGDZ_COpenSSL_CRYPTO_H
// What the Crypto room needs of libcrypto and Swift cannot import by itself.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

// SHA-256 by its plain state struct: it is copied by value, allocates nothing, and dispatches to the CPU's SHA
// instructions. The EVP calls fetch and allocate per digest. libcrypto 3 marks the three functions as deprecated in
// favour of EVP, but keeps them; the pragma is here, once, so that no caller sees the mark.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static inline int ragdz_sha256_init(SHA256_CTX *state) { return SHA256_Init(state); }
static inline int ragdz_sha256_update(SHA256_CTX *state, const void *bytes, size_t count) {
    return SHA256_Update(state, bytes, count);
}
static inline int ragdz_sha256_final(unsigned char *digest, SHA256_CTX *state) { return SHA256_Final(digest, state); }
#pragma GCC diagnostic pop

#endif
