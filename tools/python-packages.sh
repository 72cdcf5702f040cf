# shellcheck shell=sh
# Sourced by build-runtime and examples/build: packages of Python in a folder of their own.
#
#   need_venv                         exits unless Python makes virtual environments
#   install_packages REQUIREMENTS TO  installs them in the virtual environment TO, again where the versions change

need_venv() {
    python3 -c 'import venv, ensurepip' 2>/dev/null || {
        echo 'error: there is no Python with virtual environments' >&2
        echo 'hint: install `python3-venv`' >&2
        exit 1
    }
}

install_packages() {
    cmp -s "$1" "$2/installed.txt" && return
    rm -rf "$2"
    python3 -m venv "$2"
    "$2/bin/pip" install --quiet --disable-pip-version-check -r "$1" >&2
    cp "$1" "$2/installed.txt"
}
