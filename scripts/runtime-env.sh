# Sourced by the other scripts: where what pip installs is kept, readable by the user that PostgreSQL runs as.
if [ -z "${RAGDZ_RUNTIME:-}" ]; then
    if [ "$(id -u)" = 0 ]; then RAGDZ_RUNTIME=/var/lib/ragdz/runtime
    else RAGDZ_RUNTIME="${XDG_DATA_HOME:-$HOME/.local/share}/ragdz/runtime"; fi
fi
export RAGDZ_RUNTIME
