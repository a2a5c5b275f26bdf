#ifndef RAGDZ_CZlib_SHIM_H
#define RAGDZ_CZlib_SHIM_H
#include <zlib.h>
#endif
