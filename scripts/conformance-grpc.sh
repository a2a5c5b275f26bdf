#!/usr/bin/env bash
# gRPC's interoperability tests with the stock clients and servers of grpc's own source package, both ways.
# Usage: scripts/conformance-grpc.sh [short RAGDZ-INTEROP]
# `short` runs the Python ones alone, in seconds; without it the C++ ones are built (about a minute) and run as well.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
short=${1:-}

scripts/test-venv.sh >&2
venv=$(realpath "${RAGDZ_TEST_VENV:-.venv-tests}")
source=$(scripts/debian-source.sh grpc)
work=${RAGDZ_CONFORMANCE:-.build/conformance}/grpc
mkdir -p "$work"
work=$(realpath "$work")
protos="src/proto/grpc/testing/empty.proto src/proto/grpc/testing/messages.proto src/proto/grpc/testing/test.proto"

# The Python half: the stock modules, and the messages as PyPI's grpcio-tools makes them.
if [ ! -f "$work/python/.complete" ]; then
    rm -rf "$work/python"
    mkdir -p "$work/python/tests/unit"
    # shellcheck disable=SC2086
    "$venv/bin/python" -m grpc_tools.protoc -I "$source" --python_out="$work/python" --grpc_python_out="$work/python" $protos
    cp -r "$source/src/python/grpcio_tests/tests/interop" "$work/python/tests/"
    cp "$source/src/python/grpcio_tests/tests/unit/test_common.py" "$work/python/tests/unit/"
    touch "$work/python/.complete"
fi

# Our half stands in Examples/ragdz-interop; its messages are generated from the same protos by `make generate`.
binary=${2:-.build/debug/ragdz-interop}
[ "$short" = short ] || swift build --product ragdz-interop 2>&1 | tail -1

# The C++ half: the stock sources of the client and the server, and what they need of grpc's own test code.
build_cpp() {
    local cpp=$work/cpp
    [ -x "$cpp/client" ] && [ -x "$cpp/server" ] && return
    for package in g++ libgrpc++-dev protobuf-compiler-grpc; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || {
            echo "Debian packages: installing $package"
            $([ "$(id -u)" = 0 ] || echo sudo) env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "$package" >/dev/null
        }
    done
    rm -rf "$cpp"
    mkdir -p "$cpp/generated" "$cpp/objects"
    # shellcheck disable=SC2086
    protoc -I "$source" --cpp_out="$cpp/generated" --grpc_out="$cpp/generated" \
        --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" $protos
    local common="test/cpp/util/create_test_channel test/cpp/util/test_credentials_provider test/cpp/util/test_config_cc
        test/core/util/test_config test/core/util/histogram test/core/util/build test/core/util/stack_tracer
        test/core/security/oauth2_utils test/core/event_engine/test_init test/core/end2end/data/server1_cert
        test/core/end2end/data/server1_key test/core/end2end/data/test_root_cert"
    local client="test/cpp/interop/client test/cpp/interop/client_helper test/cpp/interop/interop_client"
    local server="test/cpp/interop/interop_server test/cpp/interop/server_helper test/cpp/interop/interop_server_bootstrap"
    # shellcheck disable=SC2086
    { printf '%s\n' $common $client $server | sed "s|^|$source/|; s|\$|.cc|"; find "$cpp/generated" -name '*.cc'; } |
        CPP=$cpp SOURCE=$source xargs -P 2 -I FILE sh -c \
            'g++ -std=c++17 -O0 -w -I "$CPP/generated" -I "$SOURCE" -c "$1" -o "$CPP/objects/$(basename "$1" .cc).o"' _ FILE
    link() { # link OUTPUT SOURCE...: these sources with the common ones
        local output=$1 objects=""
        shift
        for file in "$@"; do objects="$objects $cpp/objects/$(basename "$file").o"; done
        local flags
        flags=$(find /usr/lib -name 'libabsl_flags*.so' | sed 's|.*/lib\(.*\)\.so|-l\1|' | LC_ALL=C sort | tr '\n' ' ')
        # shellcheck disable=SC2046,SC2086
        g++ -o "$output" $objects "$cpp"/objects/*.pb.o $(pkg-config --libs grpc++ protobuf) -Wl,--start-group $flags \
            -labsl_failure_signal_handler -labsl_examine_stack -labsl_stacktrace -labsl_symbolize -lgpr -Wl,--end-group
    }
    # shellcheck disable=SC2086
    link "$cpp/server" $server $common
    # shellcheck disable=SC2086
    link "$cpp/client" $client $common
}
[ "$short" = short ] || build_cpp

PYTHONPATH=$work/python "$venv/bin/python" scripts/grpc_interop.py ${short:+--short} \
    --ours "$(realpath "$binary")" --cpp "$work/cpp" --credentials "$work/python/tests/interop/credentials"
