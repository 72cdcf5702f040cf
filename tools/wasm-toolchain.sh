# Finds or installs a Rust toolchain that builds plugins. Source it from a POSIX shell. `journal-host build` finds the
# same toolchains, and installs nothing.
#
#   wasm_toolchain          sets WASM_TOOLCHAIN to `target` or `debian`; if there is neither, prints how to get
#                           one and returns 1
#
# `target`: the Rust on the PATH has the target, or rustup can add it.
# `debian`: Debian's rustc-web builds the standard library from its source.
# JOURNAL_WASM_TOOLCHAIN=target or =debian allows only that one.
#
# All messages go to stderr.

wasm_target=wasm32-unknown-unknown
wasm_debian_packages="rustc-web cargo-web rust-web-src lld-19"
# The oldest rustc 1.x that builds the workspace.
wasm_oldest_rustc=95

wasm_say() {
    printf '%s\n' "$*" >&2
}

wasm_has_target() {
    command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
    wasm_libdir=$(rustc --print target-libdir --target "$wasm_target" 2>/dev/null) || return 1
    set -- "$wasm_libdir"/libstd-*.rlib
    [ -e "$1" ]
}

wasm_can_add_target() {
    command -v rustup >/dev/null || return 1
    wasm_say "adding rustup's target \`$wasm_target\`"
    # Without a network rustup waits for many minutes.
    timeout 300 rustup target add "$wasm_target" >&2 && wasm_has_target
}

wasm_debian_linker() {
    command -v wasm-ld-19 || command -v wasm-ld
}

wasm_has_debian() {
    [ -x /usr/bin/cargo ] && wasm_debian_linker >/dev/null || return 1
    wasm_sysroot=$(/usr/bin/rustc --print sysroot 2>/dev/null) || return 1
    [ -d "$wasm_sysroot/lib/rustlib/src/rust/library/std" ] || return 1
    wasm_minor=$(/usr/bin/rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
    [ "${wasm_minor:-0}" -ge "$wasm_oldest_rustc" ]
}

wasm_can_install_debian() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
    wasm_say "installing $wasm_debian_packages"
    # Word splitting is intended.
    # shellcheck disable=SC2086
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends gcc libc6-dev $wasm_debian_packages; } >&2 &&
        wasm_has_debian
}

wasm_explain() {
    wasm_say "error: no Rust toolchain on this machine builds for \`$wasm_target\`"
    if command -v rustup >/dev/null; then
        wasm_say "hint: \`rustup target add $wasm_target\` failed; see its message above"
    else
        wasm_say "hint: install Rust from https://rustup.rs, then \`rustup target add $wasm_target\`"
    fi
    if command -v apt-get >/dev/null; then
        wasm_say "hint: or, on Debian 12, as root: \`apt-get install $wasm_debian_packages\`"
    fi
}

wasm_toolchain() {
    wasm_only=${JOURNAL_WASM_TOOLCHAIN:-}
    case $wasm_only in
        '' | target | debian) ;;
        *)
            wasm_say "error: JOURNAL_WASM_TOOLCHAIN must be \`target\` or \`debian\`, got \`$wasm_only\`"
            return 1
            ;;
    esac
    # Prefer an installed toolchain to one that has to be downloaded.
    if [ "$wasm_only" != debian ] && wasm_has_target; then
        WASM_TOOLCHAIN=target
    elif [ "$wasm_only" != target ] && wasm_has_debian; then
        WASM_TOOLCHAIN=debian
    elif [ "$wasm_only" != debian ] && wasm_can_add_target; then
        WASM_TOOLCHAIN=target
    elif [ "$wasm_only" != target ] && wasm_can_install_debian; then
        WASM_TOOLCHAIN=debian
    else
        wasm_explain
        return 1
    fi
}
