#ifndef RAGDZ_COpenSSL_SHIM_H
#define RAGDZ_COpenSSL_SHIM_H
#include <openssl/ssl.h>
#include "crypto.h"
#include "tls.h"
#endif
