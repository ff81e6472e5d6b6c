#!/bin/sh
# install.sh VENV LOCK [COVERED]: the pinned packages of LOCK into VENV, unless they are there.
# COVERED is a second lock whose packages LOCK contains. Two makes at once wait for each other.
set -eu
venv=$1 lock=$2 covered=${3:-$2}

current() { cmp -s "$lock" "$venv/installed/$lock"; }

make_venv() {
    "$PYTHON" -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "KORA needs Python 3.11 or newer.")'
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || install_venv_module
    echo "Making $venv"
    "$PYTHON" -m venv "$venv"
}

install_venv_module() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    else
        echo "KORA needs Python's venv module: apt-get install python3-venv" >&2
        exit 1
    fi
}

install() {
    if current; then return; fi
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || make_venv
    echo "Installing the packages of $lock (the first time takes a minute or two)"
    "$venv/bin/python" -m pip install --quiet --require-hashes --requirement "$lock" &
    wait_for $!
    mkdir -p "$venv/installed"
    cp "$lock" "$venv/installed/$lock"
    cp "$covered" "$venv/installed/$covered"
}

wait_for() {
    # A shell lets its background children ignore Ctrl-C.
    trap 'kill "$1" 2>/dev/null; exit 130' INT TERM
    seconds=0
    while kill -0 "$1" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 15)) -ne 0 ] || echo "  still installing: $seconds s"
    done
    wait "$1"
    trap - INT TERM
}

current && exit 0
mkdir -p "$venv"
exec 9>"$venv/.lock"
flock 9
install
