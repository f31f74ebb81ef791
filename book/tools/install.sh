#!/bin/sh
# Makes .venv and fills it: "install.sh book" with what the rendered book needs,
# "install.sh course" with everything else too. Run it again: it is instant when nothing
# has changed. What went wrong is said in one sentence; the whole log is kept.
set -u
cd "$(dirname "$0")/../.." || exit 1

what=${1:-book}
venv=.venv
log=$venv/install.log
python=$venv/bin/python

say() { printf '%s\n' "$*"; }

fail() {
    printf '\n%s\n' "$1" >&2
    if [ -s "$log" ]; then
        printf 'The whole log is in %s.\n' "$log" >&2
    fi
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3 python python3.13 python3.12 python3.11}; do
        new_enough "$candidate" && printf '%s' "$candidate" && return
    done
    found=$(${PYTHON:-python3} --version 2>/dev/null) ||
        fail "Python was not found. Install Python 3.11 or newer (https://www.python.org/downloads/), or name one: make PYTHON=/path/to/python3 ..."
    fail "Python 3.11 or newer is needed, but what was found is $found. Install a newer one, or name it: make PYTHON=/path/to/python3.12 ..."
}

make_venv() {
    if [ -d "$venv" ] && new_enough "$python" && "$python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    base=$(find_python) || exit 1
    "$base" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "$base cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv"
    say "Making the virtual environment $venv with $("$base" --version) ..."
    rm -rf "$venv"
    mkdir -p "$venv" || fail "The folder $venv could not be made: may you write here, and is there space on the disk?"
    "$base" -m venv "$venv" >"$log" 2>&1 || explain "make the virtual environment"
}

# A full disk may leave no room even for the line that says so.
disk_is_full() {
    ! dd if=/dev/zero of="$venv/.probe" bs=1024 count=1024 >/dev/null 2>&1
    full=$?
    rm -f "$venv/.probe"
    return $full
}

# What in the log makes a person understand?
explain() {
    if grep -qiE 'no space left|errno 28|disk quota exceeded|errno 122' "$log" || disk_is_full; then
        fail "The disk is full: there was no room to $1. It takes about $space here, and some in ${TMPDIR:-/tmp} on the way. Make room and run the same command again."
    elif grep -qiE 'proxyerror|connect to proxy|tunnel connection|407 proxy|invalidproxy' "$log"; then
        fail "The proxy did not let pip through while it tried to $1. Check HTTPS_PROXY (now: ${HTTPS_PROXY:-${https_proxy:-not set}}) and 'pip config list'."
    elif grep -qiE 'certificate_verify_failed|sslerror|ssl: ' "$log"; then
        fail "The secure connection to the package index failed while pip tried to $1. If your network inspects traffic, tell pip its certificate: pip config set global.cert /path/to/ca.pem"
    elif grep -qiE 'newconnectionerror|name resolution|getaddrinfo|connecttimeout|readtimeout|connection (refused|reset|broken)|network is unreachable|max retries|failed to establish' "$log"; then
        fail "The package index could not be reached while pip tried to $1. Check the network connection and run the same command again."
    elif grep -qiE 'permission denied|errno 13|read-only file system' "$log"; then
        fail "pip may not write where it must in order to $1. Who owns $venv and ${TMPDIR:-/tmp}?"
    elif grep -qiE 'no matching distribution|requires-python|could not find a version' "$log"; then
        fail "A package has no version for this Python ($("$python" --version 2>&1)): $(grep -iE 'no matching distribution' "$log" | tail -n 1). Try Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.12 ..."
    fi
    grep -iE 'error|failed' "$log" | tail -n 3 >&2
    fail "pip could not $1."
}

# pip's own output goes to the log; the terminal sees how far it is.
progress() {
    count=0
    while IFS= read -r line; do
        { printf '%s\n' "$line" >>"$log"; } 2>/dev/null
        case $line in
        Collecting*)
            count=$((count + 1))
            name=${line#Collecting }
            note="package $count: ${name%%[ =<>;(]*}"
            ;;
        *Downloading*MB*) note="downloading ${line##*Downloading }" ;;
        Installing*) note="installing them all (this takes a while) ..." ;;
        *) continue ;;
        esac
        if [ -t 1 ]; then
            printf '\r\033[K  %.76s' "$note"
        elif [ $((count % 25)) -eq 1 ] || [ "${line#Installing}" != "$line" ]; then
            printf '  %s\n' "$note"
        fi
    done
    if [ -t 1 ]; then
        printf '\r\033[K'
    fi
}

install() {
    purpose=$1
    shift
    : >"$log" || fail "Nothing can be written into $venv: may you write here, and is there space on the disk?"
    {
        "$python" -m pip install --disable-pip-version-check --no-input \
            --progress-bar off "$@" 2>&1
        printf '%s\n' "$?" >"$venv/pip.status"
    } | progress 2>/dev/null
    [ "$(cat "$venv/pip.status" 2>/dev/null)" = 0 ] || explain "$purpose"
}

# A stamp says for what state of the requirements a step was completed, and where: a
# virtual environment does not survive being moved.
state() { { pwd; cat "$@"; } | cksum; }

fresh() {
    stamp=$venv/$1.stamp
    shift
    [ -x "$python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(state "$@")" ]
}

stamp() {
    stamp=$venv/$1.stamp
    shift
    state "$@" >"$stamp" || fail "The disk is full: not even a line could be written into $venv."
}

begin=$(date +%s)
case $what in
book)
    fresh book book/requirements.txt && exit 0
    space="0.5 GB"
    make_venv
    say "Installing what the book needs (no PyTorch) ..."
    install "install what the book needs" -r book/requirements.txt
    stamp book book/requirements.txt
    ;;
course)
    peers=benchmarks/requirements-peers.txt
    set -- book/requirements.txt requirements.txt $peers pyproject.toml
    fresh course "$@" && exit 0
    space="8 GB"
    make_venv
    say "Installing the course: PyTorch, JupyterLab and the checks (this is the long one) ..."
    install "install the course" -r requirements.txt
    install "install the peers" --no-deps -r $peers
    install "install course_lib" --no-deps -e .
    stamp book book/requirements.txt
    stamp course "$@"
    ;;
*)
    say "usage: install.sh book|course" >&2
    exit 2
    ;;
esac
say "Installed in $(($(date +%s) - begin)) s."
