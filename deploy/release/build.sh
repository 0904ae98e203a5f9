#!/usr/bin/env bash
# Makes the files of a release in target/release-files: the program, which has to pass its own selftest, its bill of materials
# and licences, and SHA256SUMS over all of them. Prints what they weigh.
#
#     deploy/release/build.sh [TARGET]      x86_64-unknown-linux-gnu (static, the default) or x86_64-pc-windows-gnu
#
# Exit codes: 0 made, 1 failed, 2 this machine lacks what the target needs.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-x86_64-unknown-linux-gnu}; out=target/release-files

say() { printf 'release (%s s): %s\n' "$SECONDS" "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
lacks() { say "$*" >&2; exit 2; }

case $target in
  x86_64-unknown-linux-gnu) exe='' flags='-C target-feature=+crt-static' tools=(file ldd) ;;
  x86_64-pc-windows-gnu) exe=.exe flags='' tools=(x86_64-w64-mingw32-gcc x86_64-w64-mingw32-objdump) ;;
  *) lacks "$target is no target of a release." ;;
esac
missing=()
for tool in cargo rustc python3 sha256sum "${tools[@]}"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if ! library=$(rustc --print target-libdir --target "$target") || ! compgen -G "$library/libstd-*" >/dev/null; then
  missing+=("Rust's standard library for it (rustup target add $target)")
fi
printf -v list '%s, ' "${missing[@]}"
[ ${#missing[@]} = 0 ] || lacks "To build for $target this machine lacks ${list%, }."

id=$(cargo pkgid --locked)
name=wardround-${id##*[#@]}-$target
rm -rf "$out/new"; mkdir -p "$out/new"; trap 'rm -rf "$out/new"' EXIT

say "licences"
deploy/release/sbom.py --target "$target" --out "$out/new" >/dev/null

say "$target"
# A folder of its own: other flags would make the ordinary builds begin anew.
RUSTFLAGS=$flags CARGO_TARGET_DIR=target/static cargo build --release --locked --target "$target"
program=$out/new/$name$exe
cp "target/static/$target/release/wardround$exe" "$program"

say "checks"
if [ -z "$exe" ]; then
  kind=$(file -b "$program")
  case $kind in *'statically linked'* | *'static-pie linked'*) ;; *) die "the program is not static: $kind" ;; esac
  linked=$(LC_ALL=C ldd "$program" 2>&1) || true
  # The second is said of a program for a fixed address.
  case $linked in *'statically linked'* | *'not a dynamic executable'*) ;; *) die "the program is not static: $linked" ;; esac
  "$program" selftest || die "selftest ended with exit code $?"
else
  # Libraries of the toolchain, which no Windows has.
  foreign=$(x86_64-w64-mingw32-objdump -p "$program" | sed -n 's/^\tDLL Name: //p' | grep -iE '^(lib|cyg|msys)' || true)
  [ -z "$foreign" ] || die "the program needs libraries that Windows hasn't: $foreign"
  say "selftest was not run: do it on Windows"
fi

# Other versions and what an earlier run made go; the other target of this version stays.
find "$out" -maxdepth 1 -type f \( ! -name "${name%"-$target"}-*" -o -name "$name*" \) -delete
mv "$out"/new/* "$out"
(cd "$out" && sha256sum wardround-* >SHA256SUMS && sha256sum --quiet -c SHA256SUMS)

say "$out"
weigh() { printf '  %12s  %s\n' "$1" "$2"; }
for file in "$out/$name"*; do weigh "$(stat -c %s "$file")" "${file##*/}"; done
for packer in 'zstd -19' 'xz -9'; do
  command -v "${packer% *}" >/dev/null || continue
  # shellcheck disable=SC2086
  weigh "$($packer -q -c "$out/$name$exe" | wc -c)" "the program packed with $packer"
done
