#ifndef RAGDZ_COpenSSL_TLS_H
#define RAGDZ_COpenSSL_TLS_H
/* What Swift cannot import: macros with casts, and walks over OpenSSL's stacks. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

static inline int ragdz_ctx_set_versions(SSL_CTX *ctx, int min, int max) {
    return SSL_CTX_set_min_proto_version(ctx, min) == 1 && SSL_CTX_set_max_proto_version(ctx, max) == 1;
}
static inline void ragdz_ctx_harden(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}
static inline int ragdz_ctx_set_groups(SSL_CTX *ctx, const char *groups) { return SSL_CTX_set1_groups_list(ctx, groups); }
static inline void ragdz_set_server_name(SSL *ssl, const char *name) { SSL_set_tlsext_host_name(ssl, name); }
static inline long ragdz_bio_pending(BIO *bio) { return (long)BIO_ctrl_pending(bio); }

/* The peer certificate's n-th URI or DNS name, copied as a C string; its length, 0 when there is none. */
static inline int ragdz_peer_name(const SSL *ssl, int n, char *out, int capacity) {
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == NULL) return 0;
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (names == NULL) return 0;
    int length = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI && name->type != GEN_DNS) continue;
        const unsigned char *text = ASN1_STRING_get0_data(name->d.ia5);
        int size = ASN1_STRING_length(name->d.ia5);
        /* Whoever compares names must be able to tell the two kinds apart: only a URI has a colon. */
        int is_uri = size > 0 && memchr(text, ':', (size_t)size) != NULL;
        if (is_uri != (name->type == GEN_URI) || size >= capacity || memchr(text, 0, (size_t)size) != NULL) continue;
        if (n-- > 0) continue;
        memcpy(out, text, (size_t)size);
        out[size] = 0;
        length = size;
        break;
    }
    GENERAL_NAMES_free(names);
    return length;
}
#endif
