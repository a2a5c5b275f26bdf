#ifndef RAGDZ_CCurl_SHIM_H
#define RAGDZ_CCurl_SHIM_H
#include <curl/curl.h>
#endif
