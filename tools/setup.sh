# What `try` and `test` need of a machine: found, or installed where that can be done. To be sourced
# by bash with `root` set to the repository. Everything that is said goes to stderr.
#
#   need_build     compilers, libraries and Rust for the host
#   need_plugins   a Rust toolchain that builds plugins; see wasm-toolchain.sh
#   need_checks    rustfmt and clippy
#   need_broker    Java, and Maven as long as Kafka has not been fetched
#   need_oracle    Python with virtual environments
#   settle         installs what is missing, or says what it is and ends the script
#
# The `need_` functions only note what is missing, so that there is one list and one installation.

# shellcheck source=tools/wasm-toolchain.sh
. "$root/tools/wasm-toolchain.sh"

# The Rust that the project is written for; `settle` explains how to have a newer one.
oldest_rust=95
# The newest Rust whose lints and format the project follows.
newest_checked_rust=96

missing=()
plugins_needed=
checks_needed=

say() {
    printf '%s\n' "$*" >&2
}

# A heading, so that one sees in a long log where it is.
step() {
    say "==> $*"
}

has() {
    command -v "$1" >/dev/null
}

lacks() {
    missing+=("$@")
}

# Which minor version of Rust 1 is on the PATH; 0: none.
rust_minor() {
    local minor
    minor=$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
    echo "${minor:-0}"
}

need_build() {
    # rustup's folder is not yet on the PATH of the shell that rustup was installed from.
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
        # The one toolchain builds the host and the plugins.
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
    has mvn ||
        [ -n "$(find "$cache" -maxdepth 1 -name 'kafka-[0-9.]*' -type d 2>/dev/null)" ] ||
        lacks maven
}

need_oracle() {
    python3 -c 'import venv, ensurepip' 2>/dev/null || lacks python3-venv
}

settle() {
    if [ "${#missing[@]}" -gt 0 ]; then
        install_packages
    fi
    if has rustup; then
        settle_rustup
    fi
    if [ "$(rust_minor)" -lt "$oldest_rust" ]; then
        say "error: Rust 1.$oldest_rust or newer is needed, and here is \`$(rustc --version 2>&1 | head -1)\`"
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
            say "hint: the names are Debian's; install the like of them"
        fi
        exit 1
    fi
    step "Installing ${missing[*]}"
    # Nothing that is there is removed for it: an old Rust of Debian's conflicts with the new one.
    if ! apt_get update || ! apt_get install --no-install-recommends --no-remove "${missing[@]}"; then
        say "error: \`apt-get install ${missing[*]}\` failed"
        say "hint: its messages stand above; an old \`rustc\` package is in the way of \`rustc-web\`"
        exit 1
    fi
}

# Quiet unless it fails.
apt_get() {
    local output
    output=$(DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@" 2>&1) || {
        say "$output"
        return 1
    }
}

# Takes rustup's own default toolchain where it will do, else installs one beside it.
settle_rustup() {
    if [ "$(rust_minor)" -lt "$oldest_rust" ]; then
        step "Installing Rust 1.$newest_checked_rust with rustup"
        if ! rustup toolchain install "1.$newest_checked_rust" --profile minimal >&2; then
            say "error: rustup cannot install Rust 1.$newest_checked_rust"
            say "hint: its messages stand above; \`rustup update stable\` would do as well"
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

# Runs a command that compiles. On a terminal cargo shows its progress itself; elsewhere the lines
# that only say what is being compiled are left out.
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
