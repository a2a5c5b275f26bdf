#ifndef RAGDZ_CPQ_SHIM_H
#define RAGDZ_CPQ_SHIM_H
#include <libpq-fe.h>
#endif
