#ifndef RAGDZ_CCurl_SHIM_H
#define RAGDZ_CCurl_SHIM_H
#include <curl/curl.h>

/* Swift cannot call variadic functions, so each kind of option has a function of its own. */

static inline CURLcode ragdz_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ragdz_curl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ragdz_curl_set_pointer(CURL *easy, CURLoption option, const void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ragdz_curl_set_headers(CURL *easy, struct curl_slist *headers) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

/* The body is not copied: it must outlive the transfer. */
static inline CURLcode ragdz_curl_set_body(CURL *easy, const void *bytes, long length) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, length);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes);
}

typedef size_t (*ragdz_curl_sink)(char *bytes, size_t size, size_t count, void *user);

static inline CURLcode ragdz_curl_set_body_sink(CURL *easy, ragdz_curl_sink sink, void *user) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, sink);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_WRITEDATA, user);
}

static inline CURLcode ragdz_curl_set_header_sink(CURL *easy, ragdz_curl_sink sink, void *user) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, sink);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_HEADERDATA, user);
}

static inline long ragdz_curl_status(CURL *easy) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* The next finished transfer and its result, or NULL. */
static inline CURL *ragdz_curl_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

static inline CURLcode ragdz_curl_start(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT);
}
#endif
