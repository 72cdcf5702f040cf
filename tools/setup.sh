# Finds what `try`, `test` and `compare` need, and installs what is missing. Source it from bash with `root` set to
# the repository. All messages go to stderr.
#
#   need_build       compilers, libraries and Rust for the host
#   need_plugins     a Rust toolchain that builds plugins; see wasm-toolchain.sh
#   need_checks      rustfmt and clippy
#   need_broker      Java, and Maven until Kafka has been downloaded
#   need_oracle      Python with virtual environments, and what upstream's packages need
#   need_rotation    logrotate, which tests run
#   need_browser     a browser without a window, for the tests of the page
#   need_postgres    a PostgreSQL server, which tests start
#   need_go          any Go, which fetches the one that builds the plugin in Go
#   need_room GIB    so much free disk, or 2 GiB where something was built before; checked at once
#   install_missing  installs what is missing, or names it and exits
#
# The `need_` functions only record what is missing, so that everything is installed at once.

# shellcheck source=tools/wasm-toolchain.sh
. "$root/tools/wasm-toolchain.sh"

# The oldest Rust that builds the project: 1.95.
oldest_rust=95
# The newest Rust whose lints and formatting the project follows.
newest_checked_rust=96

missing=()
plugins_needed=
checks_needed=

say() {
    printf '%s\n' "$*" >&2
}

# Prints a heading.
step() {
    say "==> $*"
}

has() {
    command -v "$1" >/dev/null
}

lacks() {
    missing+=("$@")
}

# Prints the minor version of the Rust on the PATH, or 0 if there is none.
rust_minor() {
    local minor
    minor=$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
    echo "${minor:-0}"
}

need_build() {
    # A shell that was open while rustup was installed lacks its folder on the PATH.
    if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH=$HOME/.cargo/bin:$PATH
    fi
    has cc || lacks gcc libc6-dev
    has c++ || lacks g++
    has make || lacks make
    has pkg-config || lacks pkg-config
    if ! has pkg-config || ! pkg-config --exists openssl; then
        lacks libssl-dev
    fi
    if ! has rustup && { ! has cargo || [ "$(rust_minor)" -lt "$oldest_rust" ]; }; then
        # The same toolchain builds the host and the plugins.
        # shellcheck disable=SC2086,SC2154
        lacks $wasm_debian_packages
    fi
}

need_plugins() {
    plugins_needed=yes
}

need_checks() {
    checks_needed=yes
    if ! has rustup; then
        has cargo-fmt || lacks rustfmt-web
        has cargo-clippy || lacks rust-web-clippy
    fi
}

need_broker() {
    local cache=${JOURNAL_TESTS_CACHE:-$target/test-cache}
    has java || lacks default-jre-headless
    has openssl || lacks openssl
    has mvn ||
        [ -n "$(find "$cache" -maxdepth 1 -name 'kafka-[0-9.]*' -type d 2>/dev/null)" ] ||
        lacks maven
}

need_oracle() {
    python3 -c 'import venv, ensurepip' 2>/dev/null || lacks python3-venv
    # The tests compile the extension of the Python runtime with this header.
    python3 -c 'import sysconfig; open(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || lacks python3-dev
    # Upstream's loader, the oracle of repositories, has it through `python-magic`.
    [ -n "$(find /usr/lib -maxdepth 2 -name 'libmagic.so.1' 2>/dev/null)" ] || lacks libmagic1
}

need_rotation() {
    # Debian has it in the folder of programs for root, next to the one of all others.
    local shell
    shell=$(command -v sh)
    has logrotate || [ -x "${shell%/bin/sh}/sbin/logrotate" ] || lacks logrotate
}

need_browser() {
    has chromium-headless-shell || has chromium || has chromium-browser || lacks chromium-headless-shell
}

need_postgres() {
    # Debian has the programs of each version in a folder of its own.
    has initdb || [ -n "$(find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null)" ] || lacks postgresql
}

need_go() {
    has go || lacks golang-go
}

# A full disk makes builds and tests fail in ways that do not name it.
need_room() {
    local needed=$1 folder=$target free
    has df || return 0
    [ ! -d "$target/release" ] || needed=2
    while [ ! -d "$folder" ]; do
        folder=$(dirname "$folder")
    done
    { read -r _ && read -r _ _ _ free _; } < <(df -Pk "$folder")
    if [ "$((free / 1048576))" -lt "$needed" ]; then
        say "error: $((free / 1048576)) GiB are free in $folder, and $needed GiB are needed"
        say "hint: make room, or name a folder on another disk with \`CARGO_TARGET_DIR=FOLDER\`"
        exit 1
    fi
}

install_missing() {
    if [ "${#missing[@]}" -gt 0 ]; then
        install_packages
    fi
    if has rustup; then
        install_with_rustup
    fi
    if [ "$(rust_minor)" -lt "$oldest_rust" ]; then
        say "error: Rust 1.$oldest_rust or newer is required, found \`$(rustc --version 2>&1 | head -1)\`"
        say "hint: install Rust from https://rustup.rs"
        exit 1
    fi
    if [ -n "$plugins_needed" ]; then
        wasm_toolchain || exit 1
    fi
}

install_packages() {
    if ! has apt-get || [ "$(id -u)" != 0 ]; then
        say "error: these packages are missing: ${missing[*]}"
        if has apt-get; then
            say "hint: as root: \`apt-get install --no-install-recommends ${missing[*]}\`"
        else
            say "hint: these are Debian's package names; install the equivalent packages"
        fi
        exit 1
    fi
    step "Installing ${missing[*]}"
    # `--no-remove`: Debian's old `rustc` conflicts with `rustc-web`, and apt would remove it.
    if ! apt_get update || ! apt_get install --no-install-recommends --no-remove "${missing[@]}"; then
        say "error: \`apt-get install ${missing[*]}\` failed"
        say "hint: see apt's messages above; an installed \`rustc\` package conflicts with \`rustc-web\`"
        exit 1
    fi
}

# Runs apt-get; prints its output only if it fails.
apt_get() {
    local output
    output=$(DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@" 2>&1) || {
        say "$output"
        return 1
    }
}

# Uses rustup's default toolchain if it is new enough, otherwise installs another beside it.
install_with_rustup() {
    if [ "$(rust_minor)" -lt "$oldest_rust" ]; then
        step "Installing Rust 1.$newest_checked_rust with rustup"
        if ! rustup toolchain install "1.$newest_checked_rust" --profile minimal >&2; then
            say "error: rustup cannot install Rust 1.$newest_checked_rust"
            say "hint: see rustup's messages above; \`rustup update stable\` works, too"
            exit 1
        fi
        export RUSTUP_TOOLCHAIN=1.$newest_checked_rust
    fi
    if [ -n "$checks_needed" ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
        step "Adding rustfmt and clippy with rustup"
        if ! rustup component add rustfmt clippy >&2; then
            say "error: rustup cannot add rustfmt and clippy"
            exit 1
        fi
    fi
}

# Runs cargo. On a terminal its output is unchanged; elsewhere the lines that only name the crate being compiled
# are dropped.
quietly() {
    if [ -t 2 ]; then
        "$@"
    else
        {
            "$@" 2>&1 >&3 |
                sed -u -E '/^ *(Compiling|Checking|Downloading|Downloaded|Updating|Locking|Blocking|Adding) /d' >&2
        } 3>&1
    fi
}
